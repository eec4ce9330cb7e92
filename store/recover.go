package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// maxSetAside is how many damaged files are kept. The newest is never deleted;
// flash is small, so the oldest make room.
const maxSetAside = 3

// Recovery tells what was done about a damaged store.
type Recovery struct {
	Time  time.Time
	Cause error // what was wrong
	// SetAside is where the damaged file is now; empty if there was none.
	SetAside string
	// Snapshot is the file that was restored; empty: there was no good one,
	// and the store began empty.
	Snapshot string
	// SnapshotTime is when the snapshot was taken: what changed after it is
	// only in the damaged file.
	SnapshotTime time.Time
	// Skipped are newer snapshots that could not be used, and why.
	Skipped []string
}

// String tells an operator what happened.
func (r Recovery) String() string {
	return r.Texts().String()
}

// Texts are what happened, for the operator.
func (r Recovery) Texts() hotspot.Texts {
	out := hotspot.Texts{hotspot.Textf("the store could not be used (%v)", r.Cause)}
	if r.SetAside != "" {
		out.Addf("the damaged file is kept as %s", r.SetAside)
	}
	if r.Snapshot == "" {
		out.Addf("there was no good snapshot: all vouchers, users and settings are lost, and the store is empty")
	} else {
		out.Addf("restored from %s: what changed after %s is lost", r.Snapshot, r.SnapshotTime.Format(time.RFC3339))
	}
	if len(r.Skipped) > 0 {
		out.Addf("not usable: %s", strings.Join(r.Skipped, ", "))
	}
	return out
}

// recover sets the file aside and puts the newest good snapshot, or an empty
// store, in its place. The new file is whole before the old one is touched.
func (o *opener) recover(ctx context.Context, cause error) (*direct, error) {
	rec := &Recovery{Time: o.Now(), Cause: cause}
	if err := o.dropSetAside(maxSetAside - 1); err != nil {
		return nil, err
	}
	d, err := o.newest(ctx, rec)
	if err == nil && d == nil {
		d, err = newStore(o.Path, o.layout)
	}
	if err != nil {
		return nil, fmt.Errorf("recover from %w: %w", cause, err)
	}
	linked, err := o.setAside(rec)
	if err != nil {
		d.discard()
		return nil, fmt.Errorf("set the damaged file aside: %w", err)
	}
	if err := o.install(d); err != nil {
		if linked && d.temporary { // the file still has its own name
			err = errors.Join(err, os.Remove(rec.SetAside))
		}
		return nil, err
	}
	o.recovery = rec
	o.Log.Error("THE STORE WAS DAMAGED: "+rec.String(),
		"path", o.Path, "cause", cause, "set_aside", rec.SetAside, "snapshot", rec.Snapshot, "skipped", rec.Skipped)
	return d, nil
}

// newest makes a temporary file from the newest snapshot that can be used; nil
// if there is none.
func (o *opener) newest(ctx context.Context, rec *Recovery) (*direct, error) {
	have, err := snapshots(o.SnapshotDir)
	if err != nil {
		return nil, err
	}
	for _, s := range have {
		d, info, err := fromSnapshotFile(ctx, o.Path, s.path, o.layout)
		if err == nil {
			rec.Snapshot, rec.SnapshotTime = s.path, info.Created
			return d, nil
		}
		var bad *SnapshotError
		var newer *NewerSchemaError
		if !errors.As(err, &bad) && !errors.As(err, &newer) && !isDamage(err) {
			return nil, err // a full disk, for example: the next one would not fit either
		}
		rec.Skipped = append(rec.Skipped, fmt.Sprintf("%s (%v)", s.path, err))
	}
	return nil, nil
}

// setAside gives the damaged file a second name. Its own name stays until the
// new file takes it, so that there is no moment without a store; linked tells
// that this was possible.
func (o *opener) setAside(rec *Recovery) (linked bool, err error) {
	if fi, err := os.Stat(o.Path); isGone(err) || err == nil && fi.Size() == 0 {
		return false, nil
	}
	have, err := o.listSetAside()
	if err != nil {
		return false, err
	}
	n := uint64(1)
	if len(have) > 0 {
		n = have[0].number + 1
	}
	to := fmt.Sprintf("%s%s-%d", o.Path+setAsideInfix, o.Now().UTC().Format(nameTime), n)
	rec.SetAside = to
	if os.Link(o.Path, to) == nil {
		return true, nil
	}
	return false, os.Rename(o.Path, to) // a filesystem without links
}

const setAsideInfix = ".damaged-"

// listSetAside lists the files that were set aside, newest first. The number
// at the end of their names counts up; the time may be wrong.
func (o *opener) listSetAside() ([]snapshotFile, error) {
	paths, err := filepath.Glob(globQuote(o.Path+setAsideInfix) + "*")
	if err != nil {
		return nil, err
	}
	var out []snapshotFile
	for _, p := range paths {
		if n, err := strconv.ParseUint(p[strings.LastIndexByte(p, '-')+1:], 10, 64); err == nil {
			out = append(out, snapshotFile{p, n})
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].number > out[j].number })
	return out, nil
}

func (o *opener) dropSetAside(keep int) error {
	have, err := o.listSetAside()
	if err != nil {
		return err
	}
	for i := keep; i < len(have); i++ {
		o.Log.Warn("an old damaged file is deleted to make room", "path", have[i].path)
		err = errors.Join(err, os.Remove(have[i].path))
	}
	return err
}

func globQuote(s string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(s)
}
