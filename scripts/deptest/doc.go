// Package deptest holds the rules about who may import whom, and other habits
// of this repository that a compiler does not check, as tests.
package deptest
