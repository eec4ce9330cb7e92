package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Write writes the report as benchmarks.md, and its charts into the directory
// benchmarks beside it.
func (rep Report) Write(dir string) error {
	plots := filepath.Join(dir, "benchmarks")
	if err := os.MkdirAll(plots, 0o755); err != nil {
		return err
	}
	for _, s := range rep.Sections {
		for _, p := range s.Plots {
			if err := os.WriteFile(filepath.Join(plots, p.Name+".svg"), []byte(p.SVG()), 0o644); err != nil {
				return err
			}
		}
	}
	return os.WriteFile(filepath.Join(dir, "benchmarks.md"), []byte(rep.Markdown()), 0o644)
}

const intro = `# Benchmarks

Everything here was measured by one command, which anyone can run again. Each
figure stands beside a baseline of the same run, measured in turns with it, so
that whatever else the machine did hit both alike. A figure is a median; in
brackets are the least and the greatest value and the number of runs. What
counts is the ratio: times by themselves are this machine's.

`

// Markdown returns the report as text.
func (rep Report) Markdown() string {
	var b strings.Builder
	b.WriteString(intro)
	if rep.Short {
		b.WriteString("**This is the short form: it shows that the benchmarks run. Its figures mean nothing.**\n\n")
	}
	fmt.Fprintf(&b, "- command: `%s`\n- version: %s\n- begun %s, took %s\n", rep.Command, rep.Version,
		rep.Begun.UTC().Format("2006-01-02 15:04 MST"), rep.Took.Round(time.Second))
	for _, line := range rep.Machine {
		fmt.Fprintf(&b, "- %s\n", line)
	}
	b.WriteString("\n## All figures\n\n")
	rep.table(&b)
	rep.misses(&b)
	for _, s := range rep.Sections {
		s.markdown(&b)
	}
	b.WriteString(proofs)
	return b.String()
}

// proofs are what tests show that every run of CI repeats; they have no figures.
const proofs = `
## Shown by tests

These hold or do not; there is nothing to measure. CI runs all of them.

| what | how | test |
| --- | --- | --- |
| ` + "`kill -9`" + ` at 200 random moments while vouchers are made, used, edited and removed | the daemon with the kernel's gate, guests who send, callers who note what was acknowledged; after each kill: every acknowledged change is there, nothing removed is back, the store checks clean, no usage went backwards | ` + "`daemon/e2e` TestKillAtRandomMoments; `make killtest` for 1,000" + ` |
| power cuts below the page cache | a disk that keeps what was flushed and any part of the rest, under ext4; torn commits, sector by sector | ` + "`store` TestTornCommit, TestTornRewrite; `daemon/e2e` TestPowerCut, TestPowerCutUnderDownload; `make powercut`" + ` |
| full, read-only and stalled disks | an error to the caller, guests stay online, nothing is damaged | ` + "`daemon/e2e` TestFullDisk, TestReadOnlyDisk, TestStalledDisk" + ` |
| bad input | every parameter of every action with 53 bad values, in every form of request; bodies cut at every byte, of 1 MB, nested, compressed, endless | ` + "`daemon/e2e` TestMatrix, TestBodies, TestRawRequests, TestEndless" + ` |
| hostile names | on every page in Chromium, in the command line's output, in the API and the log | ` + "`daemon/e2e` TestNames" + ` |
| 10,000 half-open and silent connections | of one device, of forty, and as bare SYNs: others get the portal and log in, memory stays bounded | ` + "`daemon/e2e` TestCrowd" + ` |
| decoders of untrusted bytes | 20 s of fuzzing each | ` + "`make fuzz`" + ` |
| random sequences against a plain model | in memory and on the kernel | ` + "`hotspot`, `netctl/nft` TestModel; `make model`" + ` |
`

func (rep Report) table(b *strings.Builder) {
	b.WriteString("| figure | measured | beside it | target | |\n| --- | --- | --- | --- | --- |\n")
	for _, s := range rep.Sections {
		for _, f := range s.Figures {
			fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", cell(f.Name), cell(f.Got), cell(f.Baseline), cell(f.Target), f.Verdict)
		}
		if s.Err != nil {
			fmt.Fprintf(b, "| %s | not measured: %s | | | %s |\n", cell(s.Title), cell(s.Err.Error()), Missed)
		}
	}
}

// misses says in words what is not as it should be.
func (rep Report) misses(b *strings.Builder) {
	var list []string
	for _, s := range rep.Sections {
		for _, f := range s.Figures {
			if f.Verdict == Missed {
				list = append(list, fmt.Sprintf("%s: %s, where the target is %s.", f.Name, f.Got, f.Target))
			}
		}
	}
	if len(list) == 0 {
		b.WriteString("\nEvery figure with a target met it in this run.\n")
		return
	}
	b.WriteString("\nThese figures missed their targets in this run:\n\n")
	for _, l := range list {
		fmt.Fprintf(b, "- %s\n", l)
	}
}

func (s Section) markdown(b *strings.Builder) {
	fmt.Fprintf(b, "\n## %s\n\n%s\n\n", s.Title, strings.TrimSpace(s.How))
	fmt.Fprintf(b, "Took %.0f s; just before, other programs kept %.0f %% of the processors busy.\n", s.Took.Seconds(), 100*s.Busy)
	for _, n := range s.Notes {
		fmt.Fprintf(b, "\n%s\n", n)
	}
	for _, p := range s.Plots {
		fmt.Fprintf(b, "\n![%s](benchmarks/%s.svg)\n", p.Title, p.Name)
	}
	if s.Err != nil {
		fmt.Fprintf(b, "\nIt ended early: %s\n", s.Err)
	}
}

// cell makes text fit for a table.
func cell(s string) string {
	return strings.NewReplacer("|", "\\|", "\n", " ").Replace(s)
}
