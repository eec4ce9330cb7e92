package bench

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// Sample is what was measured of one thing, run by run.
type Sample []float64

// Median returns the middle of the values; of none, zero.
func (s Sample) Median() float64 { return s.Quantile(0.5) }

// Quantile returns the value below which the share q of the sample lies,
// interpolated between neighbours; of an empty sample, zero.
func (s Sample) Quantile(q float64) float64 {
	if len(s) == 0 {
		return 0
	}
	v := slices.Sorted(slices.Values(s))
	at := q * float64(len(v)-1)
	low := int(math.Floor(at))
	high := min(low+1, len(v)-1)
	return v[low] + (at-float64(low))*(v[high]-v[low])
}

// Min returns the smallest value; of none, zero.
func (s Sample) Min() float64 { return s.Quantile(0) }

// Max returns the largest value; of none, zero.
func (s Sample) Max() float64 { return s.Quantile(1) }

// Over divides the values by those of another sample that was taken in turns
// with this one: the ratio of each pair of neighbours.
func (s Sample) Over(base Sample) Sample {
	n := min(len(s), len(base))
	out := make(Sample, 0, n)
	for i := range n {
		if base[i] != 0 {
			out = append(out, s[i]/base[i])
		}
	}
	return out
}

// unit says how values are printed.
type unit struct {
	name   string
	format func(float64) string
}

// with prints a value with its unit.
func (u unit) with(v float64) string {
	if u.name == "" {
		return u.format(v)
	}
	return u.format(v) + " " + u.name
}

// spread prints a sample: its median, its least and greatest value, how many.
func (u unit) spread(s Sample) string {
	if len(s) == 1 {
		return u.with(s[0])
	}
	return fmt.Sprintf("%s (%s–%s, n = %d)", u.with(s.Median()), u.format(s.Min()), u.format(s.Max()), len(s))
}

func decimals(n int) func(float64) string {
	return func(v float64) string { return fmt.Sprintf("%.*f", n, v) }
}

// The units of the figures. They are functions of no state, so each is made
// where it is asked for.
func ratioUnit() unit { return unit{"", decimals(3)} }
func msUnit() unit    { return unit{"ms", decimals(2)} }
func kppsUnit() unit  { return unit{"kpps", decimals(0)} }
func mbUnit() unit    { return unit{"MB", decimals(1)} }
func rateUnit() unit  { return unit{"/s", decimals(0)} }
func gbitUnit() unit  { return unit{"Gbit/s", decimals(2)} }
func mbsUnit() unit   { return unit{"MB/s", decimals(1)} }
func byteUnit() unit  { return unit{"B", decimals(0)} }

// millis turns a duration into the unit of the figures.
func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
