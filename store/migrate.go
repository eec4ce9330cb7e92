package store

import (
	"errors"
	"fmt"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// migration changes the records of one schema version into those of the next.
// It must leave every record sealed and decodable in the new schema; indexes
// are built anew afterwards. Each lives in a file of its own, migrate_N.go,
// with a snapshot from before and a dump from after in testdata.
type migration struct {
	from uint64
	does string // for the log
	run  func(writer) error
}

// layout is the schema that a program knows: the versions it can read, and how
// to get from each to the newest.
type layout struct {
	first      uint64
	migrations []migration // ascending, without gaps
}

// currentLayout is this program's schema.
func currentLayout() *layout {
	return &layout{first: 1, migrations: []migration{fromVersion1(), fromVersion2()}}
}

func (l *layout) version() uint64 { return l.first + uint64(len(l.migrations)) }

// schemaOf reads a store's schema version.
func schemaOf(r reader) (uint64, error) {
	n, err := (&records{r: r}).number(metaSchema)
	if err == nil && n == 0 {
		err = &DamagedError{What: "the schema version", Err: hotspot.ErrNotFound}
	}
	return n, err
}

// readSchema checks that this program can use a store.
func (l *layout) readSchema(e engine, what string) (found uint64, err error) {
	err = e.view(func(r reader) error {
		found, err = schemaOf(r)
		return err
	})
	switch {
	case err != nil:
		return 0, err
	case found > l.version():
		return 0, &NewerSchemaError{What: what, Found: found, Known: l.version()}
	case found < l.first:
		return 0, &DamagedError{What: what, Err: fmt.Errorf("schema version %d never was", found)}
	}
	return found, nil
}

// migrate brings a store from a schema version to the newest, one version in
// one transaction, and returns what it did.
func (l *layout) migrate(e engine, from uint64) (done []string, err error) {
	for _, m := range l.migrations {
		if m.from < from {
			continue
		}
		w, err := e.begin()
		if err != nil {
			return done, err
		}
		err = errors.Join(m.run(w), setSchema(w, m.from+1), rebuildIn(w, 0))
		if err != nil {
			w.rollback()
			return done, fmt.Errorf("schema version %d to %d (%s): %w", m.from, m.from+1, m.does, err)
		}
		if err := w.commit(); err != nil {
			return done, err
		}
		done = append(done, m.does)
	}
	return done, nil
}

func setSchema(w writer, version uint64) error {
	key := []byte(metaSchema)
	return w.apply(op{bktMeta, key, seal(bktMeta, key, encodeNumber(version))})
}
