//go:build !linux

package daemon

func readMachine() machine { return machine{} }
