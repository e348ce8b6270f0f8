package bridge_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	testgrpc "google.golang.org/grpc/interop/grpc_testing"

	"github.com/rialto-rpc/rialto/bridge"
)

// checkPage makes a call over HTTP as a page does, and asks for one in advance: the page that may open a socket, and no
// other, may make a call and read the answer.
func (s *server) checkPage(t *testing.T, host, origin string, admitted bool) {
	t.Helper()
	header := http.Header{"Host": {host}, "Content-Type": {"application/json"}}
	preflight := http.Header{
		"Host": {host}, "Access-Control-Request-Method": {"POST"}, "Access-Control-Request-Headers": {"authorization,content-type,x-any"},
	}
	if origin != "" {
		header.Set("Origin", origin)
		preflight.Set("Origin", origin)
	}
	code, allowed, headers := http.StatusForbidden, "", ""
	if admitted {
		code, allowed, headers = http.StatusOK, origin, "authorization,content-type,x-any"
	}
	response, body := s.do(t, http.MethodPost, unaryPath, "{}", header)
	if response.StatusCode != code || response.Header.Get("Access-Control-Allow-Origin") != allowed || (body == "{}") != admitted {
		t.Errorf("POST: %v %v %q", response.Status, response.Header, body)
	}
	if exposed := response.Header.Get("Access-Control-Expose-Headers"); (exposed == "*") != (allowed != "") {
		t.Errorf("exposed headers: %q", exposed)
	}
	if origin != "" && admitted && !slices.Contains(response.Header.Values("Vary"), "Origin") {
		t.Errorf("Vary: %q", response.Header.Values("Vary"))
	}
	if admitted {
		code = http.StatusNoContent
	}
	response, _ = s.do(t, http.MethodOptions, unaryPath, "", preflight)
	if response.StatusCode != code || response.Header.Get("Access-Control-Allow-Origin") != allowed ||
		response.Header.Get("Access-Control-Allow-Headers") != headers || (response.Header.Get("Access-Control-Allow-Methods") == "POST") != admitted {
		t.Errorf("preflight: %v %v", response.Status, response.Header)
	}
	if age := response.Header.Get("Access-Control-Max-Age"); (age == "7200") != admitted {
		t.Errorf("Max-Age: %q", age)
	}
	if credentials := response.Header.Get("Access-Control-Allow-Credentials"); credentials != "" {
		t.Errorf("credentials: %q", credentials)
	}
}

// A refused page's call does not reach the service; nor does an answer to anyone else name an origin.
func TestHTTPRefusedPage(t *testing.T) {
	t.Parallel()
	log := &logBuffer{}
	s := serve(t, &echoServer{unary: func(context.Context, *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
		t.Error("the service was called")
		return nil, nil
	}}, bridge.WithAllowedOrigins("https://app.example.com"), log.option())
	for _, contentType := range []string{"application/json", "application/grpc-web", "text/plain"} {
		response, _ := s.post(t, unaryPath, contentType, "{}", http.Header{"Origin": {"https://evil.example"}})
		if response.StatusCode != http.StatusForbidden || response.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %v %v", contentType, response.Status, response.Header)
		}
	}
	if !strings.Contains(log.String(), "--allowed-origins") {
		t.Errorf("log: %s", log)
	}
}

// What is wrong with a page's call the page may read, too; and OPTIONS that is no preflight says what there is.
func TestHTTPErrorsForPages(t *testing.T) {
	t.Parallel()
	s := serve(t, &echoServer{}, bridge.WithAllowedOrigins("https://app.example.com"))
	header := http.Header{"Origin": {"https://app.example.com"}}
	for path, contentType := range map[string]string{
		"/a.B/C": "application/json", unaryPath: "text/plain", serverPath: "application/json", bidiPath: "application/connect+json",
	} {
		response, _ := s.post(t, path, contentType, "", header)
		if response.StatusCode < 400 || response.Header.Get("Access-Control-Allow-Origin") != "https://app.example.com" {
			t.Errorf("%s: %v %v", path, response.Status, response.Header)
		}
	}
	response, _ := s.do(t, http.MethodOptions, unaryPath, "", http.Header{})
	if response.StatusCode != http.StatusNoContent || response.Header.Get("Allow") != "POST, OPTIONS" ||
		!strings.Contains(response.Header.Get("Accept-Post"), "application/connect+json") || response.Header.Get("Access-Control-Allow-Methods") != "" {
		t.Errorf("OPTIONS: %v %v", response.Status, response.Header)
	}
}
