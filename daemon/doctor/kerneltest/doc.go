// Package kerneltest runs `vouchsafe doctor` on a real router of a lab, healthy
// and broken in many ways. It needs root, and holds nothing but tests.
package kerneltest
