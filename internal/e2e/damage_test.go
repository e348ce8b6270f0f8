package e2e

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/rialto-rpc/rialto/internal/e2e/load"
)

// TestDamagedLog kills the server under load and flips a byte in its log: it refuses to start and names the file, `rialto repair`
// cuts the log, and everybody is told to begin anew, over every wire, in the new epoch. The checker judges what they were told and
// shown, before and after: only the end is lost.
func TestDamagedLog(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	p := buildProgram(t)
	for range 2 { // what is in the first log of a directory is flushed away at the next start
		if said, ok := p.start(t); !ok {
			t.Fatal(said)
		}
		p.stop()
	}
	p.start(t)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	native := dialNative(t, p.at.GRPC)
	crew, err := load.Start(ctx, load.Options{
		Room: "damaged", Publishers: 8, Eager: 2, Observers: 4, Resumers: 4, Readers: 2, Every: 40 * time.Millisecond,
		Conn: func(n int) (grpc.ClientConnInterface, error) {
			if n%2 == 0 {
				return native, nil
			}
			return dialWeb(t, p.at.HTTP), nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer crew.Close()
	for range 3 {
		if err := crew.WaitForAcks(ctx, 200); err != nil {
			t.Fatal(err)
		}
		p.kill()
		crew.Damaged()
		p.damage(t, random)
		if said, ok := p.start(t); ok || !strings.Contains(said, ".log") || !strings.Contains(said, "damaged") {
			t.Fatalf("with a damaged log it starts: %v; it says %s", ok, said)
		}
		out, err := exec.CommandContext(ctx, p.binary, "repair", "--data", p.data, "--accept-loss").CombinedOutput()
		if err != nil || !strings.Contains(string(out), "was cut at byte") {
			t.Fatalf("repair: %v\n%s", err, out)
		}
		if said, ok := p.start(t); !ok {
			t.Fatal(said)
		}
	}
	if err := crew.WaitForAcks(ctx, 400); err != nil { // more than a repair can have taken, so that nobody's last rev is above the head
		t.Fatal(err)
	}
	report, err := crew.Finish(ctx, native)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d acknowledged, of which %d are there; %d retries, %d resumes, %d resets, %d pages", report.Acked, len(report.Messages),
		report.Retries, report.Resumed, report.Reset, report.Pages)
	if report.Reset == 0 || len(report.Messages) >= report.Acked {
		t.Error("nobody was reset, or nothing was lost")
	}
}

// damage flips a byte in the newest file of the log, behind which there are others.
func (p *program) damage(t *testing.T, random *rand.Rand) {
	t.Helper()
	logs, err := filepath.Glob(filepath.Join(p.data, "store", "*.log"))
	if err != nil || len(logs) == 0 {
		t.Fatal(logs, err)
	}
	log := logs[len(logs)-1]
	data, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	written := len(bytes.TrimRight(data, "\x00"))
	data[written/4+random.IntN(written/2)] ^= 1 << random.IntN(8)
	if err := os.WriteFile(log, data, 0o600); err != nil {
		t.Fatal(err)
	}
}
