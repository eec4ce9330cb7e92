package webui

import (
	"math"
	"testing"
	"time"
)

func languages(t testing.TB) *Languages {
	t.Helper()
	ls, err := NewLanguages()
	if err != nil {
		t.Fatal(err)
	}
	return ls
}

// TestArabicPlural holds the examples of CLDR for each form.
func TestArabicPlural(t *testing.T) {
	for form, numbers := range map[string][]int64{
		"zero":  {0},
		"one":   {1, -1},
		"two":   {2},
		"few":   {3, 10, 103, 110, 1003, -5},
		"many":  {11, 26, 99, 111, 199, 1011},
		"other": {100, 101, 102, 200, 202, 300, 1000, 10000, 1000000, math.MinInt64 + 8},
	} {
		for _, n := range numbers {
			amount := uint64(max(n, -n))
			if got := plurals["zero-one-two-few-many-other"].choose(amount); got != form {
				t.Errorf("%d: %s, want %s", n, got, form)
			}
		}
	}
}

// TestPluralForms: a rule chooses all of its forms, and no other.
func TestPluralForms(t *testing.T) {
	for name, rule := range plurals {
		listed, chosen := map[string]bool{}, map[string]bool{}
		for _, form := range rule.forms {
			listed[form] = true
		}
		for n := range uint64(300) {
			chosen[rule.choose(n)] = true
		}
		if len(listed) != len(chosen) {
			t.Errorf("%s: lists %v, chooses %v", name, listed, chosen)
		}
		for form := range chosen {
			if !listed[form] {
				t.Errorf("%s: form %q is not listed", name, form)
			}
		}
	}
}

// TestManners: amounts and times as people of each language write them.
func TestManners(t *testing.T) {
	ls := languages(t)
	const day = 24 * time.Hour
	now := time.Date(2026, time.May, 3, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		what   string
		write  func(l *Language) string
		it, ar string
	}{
		{"bytes", func(l *Language) string { return l.Bytes(700) }, "700 byte", "700 بايت"},
		{"one byte", func(l *Language) string { return l.Bytes(1) }, "1 byte", "بايت واحد"},
		{"fraction", func(l *Language) string { return l.Bytes(3 << 19) }, "1,5 MB", "1.5 ميغابايت"},
		{"huge", func(l *Language) string { return l.Bytes(math.MaxUint64) }, "16.777.215 TB", "16,777,215 تيرابايت"},
		{"year", func(l *Language) string { return l.Number(2026) }, "2026", "2026"},
		{"negative", func(l *Language) string { return l.Number(-123456) }, "-123.456", "-123,456"},
		{"moment", func(l *Language) string { return l.Duration(0) }, "meno di un minuto", "أقل من دقيقة"},
		{"one", func(l *Language) string { return l.Duration(time.Minute) }, "1 minuto", "دقيقة"},
		{"two", func(l *Language) string { return l.Duration(2*day + 2*time.Hour) }, "2 giorni e 2 ore", "يومان وساعتان"},
		{"few", func(l *Language) string { return l.Duration(3*time.Hour + 10*time.Minute) }, "3 ore e 10 minuti", "3 ساعات و10 دقائق"},
		{"many", func(l *Language) string { return l.Duration(11*day + 11*time.Hour) }, "11 giorni e 11 ore", "11 يومًا و11 ساعة"},
		{"other", func(l *Language) string { return l.Duration(100 * day) }, "100 giorni", "100 يوم"},
		{"today", func(l *Language) string { return l.Time(now.Add(3*time.Hour+20*time.Minute), now) }, "oggi, ore 15:20", "اليوم الساعة 15:20"},
		{"date", func(l *Language) string { return l.Time(now.AddDate(0, 7, 0), now) }, "3 dicembre 2026, ore 12:00", "3 ديسمبر 2026 الساعة 12:00"},
	} {
		if got := c.write(ls.find("it")); got != c.it {
			t.Errorf("%s: Italian %q, want %q", c.what, got, c.it)
		}
		if got := c.write(ls.find("ar")); got != c.ar {
			t.Errorf("%s: Arabic %q, want %q", c.what, got, c.ar)
		}
	}
}
