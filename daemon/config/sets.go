package config

import (
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"time"
)

// Set is a key with the value that a configuration has for it.
type Set struct {
	Field
	Value   string // as people read it; lists with commas; empty: none
	Changed bool   // it differs from the default's
}

// Sets returns what a configuration says, key by key in the order of
// [Fields]. None of the file's values is a secret: keys and passwords are not
// in it, but in files of their own.
func (c Config) Sets() []Set {
	def := Default()
	rows := table()
	out := make([]Set, len(rows))
	for i, r := range rows {
		v := r.of(&c)
		out[i] = Set{r.Field, written(v), !reflect.DeepEqual(v, r.of(&def))}
	}
	return out
}

// written writes a value much as the file has it.
func written(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case []string:
		return strings.Join(v, ", ")
	case *time.Location:
		if v.String() == "Local" { // that of the system, which has no name but this
			name, _ := time.Now().In(v).Zone()
			return name
		}
		return v.String()
	case time.Duration:
		return trimUnits(v.String())
	case slog.Level:
		return strings.ToLower(v.String())
	case int64: // limits.memory, the only amount of bytes
		switch {
		case v == 0:
			return ""
		case v%(1<<20) == 0:
			return fmt.Sprintf("%dMiB", v>>20)
		}
		return fmt.Sprintf("%dKiB", v>>10)
	}
	if l := reflect.ValueOf(v); l.Kind() == reflect.Slice {
		all := make([]string, l.Len())
		for i := range all {
			all[i] = fmt.Sprint(l.Index(i).Interface())
		}
		return strings.Join(all, ", ")
	}
	return fmt.Sprint(v)
}

// trimUnits spells 1m0s as 1m.
func trimUnits(s string) string {
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
