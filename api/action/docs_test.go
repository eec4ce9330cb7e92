package action_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vouchsafe/vouchsafe/api"
)

// TestDocs keeps docs/api.md true: its examples have the members of the golden
// answers in their order, and no message or action is missing.
func TestDocs(t *testing.T) {
	b, err := os.ReadFile("../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	doc := string(b)
	for _, m := range []string{
		"API is not enabled", "API Key is incorrect", "API Key not set or method not allowed", "Username already exists",
		"User added successfully", "Username doesn't exist", "No username set", "User removed successfully", "An error occurred",
	} {
		if !strings.Contains(doc, "| `"+m+"` |") {
			t.Errorf("message %q is not in the table", m)
		}
	}
	examples := map[string]string{} // by the last action named above
	for _, block := range strings.Split(doc, "```json\n")[1:] {
		block, _, _ = strings.Cut(block, "```")
		if !json.Valid([]byte(block)) {
			t.Errorf("not JSON: %s", block)
		}
		above := doc[:strings.Index(doc, block)]
		if i := strings.LastIndex(above, "\n### "); i >= 0 {
			heading, _, _ := strings.Cut(above[i+5:], "\n")
			name, _, _ := strings.Cut(heading, ",")
			examples[name] = block
		}
	}
	for _, action := range []string{
		"create_voucher", "remove_voucher", "get_voucher_users", "get_email_users", "get_logins", "get_guest_hosts", "get_active_guests",
	} {
		golden, err := os.ReadFile("testdata/golden/" + action + ".json.txt")
		if err != nil {
			t.Fatal(err)
		}
		_, want, _ := strings.Cut(string(golden), answerMark)
		if d := cmp.Diff(members(want), members(examples[action])); d != "" {
			t.Errorf("%s (-golden +docs):\n%s", action, d)
		}
	}
	for _, a := range api.Actions() {
		action := a.Name
		if !strings.Contains(doc, "action="+action) && action != "create_voucher" {
			t.Errorf("no curl example of %s", action)
		}
		for _, p := range a.Params {
			if !strings.Contains(doc, "`"+p.Name+"`") {
				t.Errorf("the parameter %s of %s is not explained", p.Name, action)
			}
		}
	}
}

// members returns the names of members in the order of their first use.
func members(s string) (names []string) {
	for _, m := range regexp.MustCompile(`"([A-Za-z0-9_-]+)":`).FindAllStringSubmatch(s, -1) {
		if !slices.Contains(names, m[1]) {
			names = append(names, m[1])
		}
	}
	return names
}

// TestDocsTables compares the tables of user rows with the golden answers.
func TestDocsTables(t *testing.T) {
	b, err := os.ReadFile("../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, action := range []string{"get_email_users", "get_fb_users", "get_mobile_users", "get_free_users"} {
		_, line, _ := strings.Cut(string(b), "\n| `"+action+"` | ")
		line, _, _ = strings.Cut(line, " |")
		golden, err := os.ReadFile("testdata/golden/" + action + ".json.txt")
		if err != nil {
			t.Fatal(err)
		}
		_, answer, _ := strings.Cut(string(golden), answerMark)
		want := members(answer)[1:] // without "users"
		if d := cmp.Diff(want, strings.Fields(strings.ReplaceAll(line, "`", ""))); d != "" {
			t.Errorf("%s (-golden +docs):\n%s", action, d)
		}
	}
}
