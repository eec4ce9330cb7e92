package store

// fromVersion1 adds the audit log. Its bucket is made before any migration
// runs, as that of every kind is; a program that knows version 1 only would not
// copy what is in it, so it must not open the file any more.
func fromVersion1() migration {
	return migration{from: 1, does: "add the audit log", run: func(writer) error { return nil }}
}
