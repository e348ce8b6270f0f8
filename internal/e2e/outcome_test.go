package e2e

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"
)

// check holds what comes of a call against the outcome.
func (o outcome) check(t *testing.T, c call) {
	t.Helper()
	switch o.kind {
	case "ok":
		o.checkAlive(t, c)
	case "reply":
		o.checkReply(t, c)
		o.checkAlive(t, c)
	case "end":
		end := o.untilEnd(t, c)
		if end.status.Code() != o.code {
			t.Fatalf("ended with %v %q (close %d), want %v", end.status.Code(), end.status.Message(), end.close, o.code)
		}
		o.checkStatus(t, end.status)
	case "close":
		end := o.untilEnd(t, c)
		if end.close != o.close {
			t.Fatalf("closed with %d %q, want %d", end.close, end.status.Message(), o.close)
		}
		o.checkStatus(t, end.status)
	}
}

// checkReply waits for the first error Reply.
func (o outcome) checkReply(t *testing.T, c call) {
	t.Helper()
	for {
		r := c.receive()
		if r.ended {
			t.Fatalf("the session ended with %v (close %d) instead of a reply", r.status, r.close)
		}
		for _, reply := range r.resp.GetReplies() {
			err := status.FromProto(reply.GetError())
			if err.Code() != o.code {
				t.Fatalf("replied %v %q, want %v", err.Code(), err.Message(), o.code)
			}
			o.checkStatus(t, err)
			return
		}
	}
}

// checkAlive probes until the session answers that.
func (o outcome) checkAlive(t *testing.T, c call) {
	t.Helper()
	c.probe()
	for {
		r := c.receive()
		if r.ended {
			t.Fatalf("the session ended with %v (close %d)", r.status, r.close)
		}
		if len(r.resp.GetReplies())+len(r.resp.GetEvents()) == 0 {
			return
		}
		for _, reply := range r.resp.GetReplies() {
			if o.kind == "ok" {
				t.Fatalf("replied %v", reply)
			}
		}
	}
}

func (o outcome) untilEnd(t *testing.T, c call) received {
	t.Helper()
	for {
		if r := c.receive(); r.ended {
			return r
		}
	}
}

// checkStatus looks for the field and the text that the row wants.
func (o outcome) checkStatus(t *testing.T, s *status.Status) {
	t.Helper()
	if !strings.Contains(s.Message(), o.mention) {
		t.Errorf("the message %q does not mention %q", s.Message(), o.mention)
	}
	if o.field == "" {
		return
	}
	var fields []string
	for _, d := range s.Details() {
		if bad, ok := d.(*errdetails.BadRequest); ok {
			for _, v := range bad.GetFieldViolations() {
				fields = append(fields, v.GetField())
			}
		}
	}
	if !slices.Contains(fields, o.field) {
		t.Errorf("the details of %v %q name the fields %v, want %q", s.Code(), s.Message(), fields, o.field)
	}
}
