package acme

import (
	"regexp"
	"strings"
)

// Key is the key of a name server. Name and Algorithm may be empty.
type Key struct{ Name, Algorithm, Secret string }

var (
	keyClause       = regexp.MustCompile(`key\s+"?([^"\s{]+)"?\s*\{`)
	algorithmClause = regexp.MustCompile(`algorithm\s+"?([^"\s;]+)"?\s*;`)
	secretClause    = regexp.MustCompile(`secret\s+"?([^"\s;]+)"?\s*;`)
)

// ParseKey reads a key as tsig-keygen prints it and name servers are configured
// with, or a secret alone.
func ParseKey(text string) Key {
	found := func(clause *regexp.Regexp) string {
		if m := clause.FindStringSubmatch(text); m != nil {
			return m[1]
		}
		return ""
	}
	if secret := found(secretClause); secret != "" {
		return Key{strings.TrimSuffix(found(keyClause), "."), strings.ToLower(found(algorithmClause)), secret}
	}
	return Key{Secret: strings.TrimSpace(text)}
}
