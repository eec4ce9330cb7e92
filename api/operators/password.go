package operators

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

const (
	maxPassword = 256
	maxEmail    = 254 // bytes
	maxName     = 64  // characters
)

// common are passwords, long enough for us, that are tried first everywhere. In
// small letters, with blanks between.
const common = "1234567890 12345678910 123456789a 0123456789 0987654321 9876543210 1111111111 1234512345 1234554321 1122334455 " +
	"123123123123 123456123456 1q2w3e4r5t 1q2w3e4r5t6y 1qaz2wsx3edc zaq12wsxcde q1w2e3r4t5 qwertyuiop qwertyuiop1 qwerty12345 qwerty123456 " +
	"qwertzuiop azertyuiop asdfghjkl1 asdfghjkl123 1234qwerasdf qwer1234asdf abcd123456 abc1234567 abcdefghij abcdefghijk a123456789 aa12345678 " +
	"password12 password123 password1234 password12345 passwort123 passw0rd123 p@ssword123 p@ssw0rd123 motdepasse password!! " +
	"mypassword thepassword changeme123 changeme1234 letmein123 letmein1234 welcome123 welcome1234 welcome2024 welcome2025 welcome2026 " +
	"administrator administrador admin12345 admin123456 adminadmin adminadmin123 rootroot123 superuser123 supervisor " +
	"iloveyou123 iloveyou12 iloveyou1234 princess123 sunshine123 football123 baseball123 basketball monkey1234 dragon1234 superman123 " +
	"batman1234 starwars123 liverpool123 chelsea123 barcelona1 realmadrid juventus123 christopher elizabeth1 alexander1 " +
	"summer2024 summer2025 summer2026 winter2024 winter2025 winter2026 spring2025 spring2026 " +
	"hotspot123 hotspot1234 guestwifi1 guestguest wireless123 internet123 wifi123456 wifipassword mikrotik123 router1234 openwrt123 vouchsafe1 " +
	"vouchsafe123 vouchsafe1234 computer123 samsung123 samsung1234 google1234 facebook123 whatsapp123 instagram1 " +
	"secret1234 secret12345 test123456 testtest123 testtesttest default123 temporary1 temp123456 qazwsxedcrfv zxcvbnm123 zxcvbnmasd " +
	"correcthorse correcthorsebatterystaple trustno1trustno1 blink182blink182"

// checkPassword refuses what is guessed first. There are no rules about kinds of
// characters: they make passwords worse (NIST SP 800-63B).
func checkPassword(password, email, name string) error {
	folded := strings.ToLower(password)
	local, _, _ := strings.Cut(email, "@")
	switch n := utf8.RuneCountInString(password); {
	case !utf8.ValidString(password):
		return hotspot.Invalid("password", "must be valid UTF-8")
	case n < api.MinPassword:
		return hotspot.Invalid("password", "must have at least %d characters; several words are fine", api.MinPassword)
	case len(password) > maxPassword:
		return hotspot.Invalid("password", "must have at most %d bytes", maxPassword)
	case folded == email, folded == local, name != "" && folded == strings.ToLower(name):
		return hotspot.Invalid("password", "must not be the e-mail address or the name")
	case isCommon(folded):
		return hotspot.Invalid("password", "is one that is tried first everywhere: choose another")
	}
	return nil
}

func isCommon(folded string) bool {
	for p := range strings.FieldsSeq(common) {
		if p == folded {
			return true
		}
	}
	first, _ := utf8.DecodeRuneInString(folded)
	return strings.Trim(folded, string(first)) == "" // one character, again and again
}

// normalEmail returns the form in which addresses are compared and kept.
func normalEmail(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

func checkEmail(email string) error {
	local, domain, _ := strings.Cut(email, "@")
	if local == "" || domain == "" || strings.Contains(domain, "@") || len(email) > maxEmail || !utf8.ValidString(email) ||
		strings.ContainsFunc(email, func(r rune) bool { return !unicode.IsPrint(r) || r == ' ' || strings.ContainsRune(`<>()[]\,;:"`, r) }) {
		return hotspot.Invalid("email", "must be an e-mail address such as anna@example.com")
	}
	return nil
}

func checkName(name string) error {
	if !utf8.ValidString(name) || utf8.RuneCountInString(name) > maxName ||
		strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) || strings.TrimSpace(name) != name {
		return hotspot.Invalid("name", "must have at most %d characters, none of them invisible", maxName)
	}
	return nil
}
