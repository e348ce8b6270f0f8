package e2e

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc/interop"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"

	"github.com/rialto-rpc/rialto/bridge"
)

const wasmPage = `<!doctype html><title>wasmclient</title><script src="/wasm_exec.js"></script><script>
const go = new Go();
WebAssembly.instantiateStreaming(fetch("/client.wasm"), go.importObject).then((r) => go.run(r.instance))
	.catch((e) => fetch("/result", { method: "POST", body: String(e) }));
</script>`

// The Go client compiled to WebAssembly, in Chromium, over the browser's own WebSocket.
func TestClientInChromium(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "client.wasm")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./wasmclient")
	build.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	goroot, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	runtime := filepath.Join(strings.TrimSpace(string(goroot)), "lib", "wasm", "wasm_exec.js")
	h, err := bridge.NewHandler()
	if err != nil {
		t.Fatal(err)
	}
	testgrpc.RegisterTestServiceServer(h, interop.NewTestServer())
	result := make(chan string, 1)
	mux := http.NewServeMux()
	mux.Handle("/", h)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, wasmPage)
	})
	mux.HandleFunc("GET /wasm_exec.js", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, runtime) })
	mux.HandleFunc("GET /client.wasm", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, program) })
	mux.HandleFunc("POST /result", func(_ http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		result <- string(text)
	})
	web := httptest.NewServer(mux)
	t.Cleanup(func() {
		h.Drain(context.Background())
		web.Close()
	})
	openInChromium(t, web.URL)
	select {
	case got := <-result:
		if got != "ok" {
			t.Errorf("the client says %q", got)
		}
	case <-time.After(time.Minute):
		t.Error("the client says nothing")
	}
}

// openInChromium shows a page until the test ends.
func openInChromium(t *testing.T, url string) {
	t.Helper()
	path, err := exec.LookPath("chromium-headless-shell")
	if err != nil {
		if path, err = exec.LookPath("chromium"); err != nil {
			t.Fatal("no chromium-headless-shell and no chromium: apt-get install chromium-headless-shell")
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	browser := exec.CommandContext(ctx, path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
		"--remote-debugging-port=0",
		"--user-data-dir="+t.TempDir(), url)
	// On Debian the command is a script that starts the browser, so the whole group has to end.
	browser.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	browser.Cancel = func() error { return syscall.Kill(-browser.Process.Pid, syscall.SIGKILL) }
	browser.WaitDelay = 10 * time.Second
	if err := browser.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		browser.Wait()
	})
}
