// Package kerneltest tests package hosts against a real kernel, in network
// namespaces of its own. It needs root, and holds nothing but tests.
package kerneltest
