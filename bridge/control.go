package bridge

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"time"

	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/anypb"
)

// openFrame is the client's control frame {"@open": {...}}: the first frame of a call, if any.
type openFrame struct {
	Metadata  map[string]metadataValues `json:"metadata"`
	TimeoutMs *int64                    `json:"timeoutMs"`
	Encoding  string                    `json:"encoding"`
}

// opening is what an @open frame says about its call.
type opening struct {
	metadata metadata.MD
	timeout  time.Duration // 0: none
	codec    codec         // nil: the next frame decides, and starts the call
}

// metadataValues is one string or an array of strings in JSON; null is none.
type metadataValues []string

func (v *metadataValues) UnmarshalJSON(data []byte) error {
	switch data[0] {
	case 'n':
		return nil
	case '[':
		return json.Unmarshal(data, (*[]string)(v))
	}
	var value string
	if err := json.Unmarshal(data, &value); err != nil {
		return err
	}
	*v = metadataValues{value}
	return nil
}

func (v metadataValues) MarshalJSON() ([]byte, error) {
	if len(v) == 1 {
		return mustMarshal(v[0]), nil
	}
	return mustMarshal([]string(v)), nil
}

// isOpenFrame reports whether a text frame is an object that begins with the key "@open". No protojson message does: a
// field's name cannot begin with an @.
func isOpenFrame(data []byte) bool {
	const space = " \t\r\n"
	rest, ok := bytes.CutPrefix(bytes.TrimLeft(data, space), []byte("{"))
	return ok && bytes.HasPrefix(bytes.TrimLeft(rest, space), []byte(`"@open"`))
}

// parseOpenFrame decodes an @open frame. The error is a status.
func parseOpenFrame(data []byte, maxMetadataBytes int) (o opening, err error) {
	if err := jsonSyntaxError(data); err != nil {
		return o, err
	}
	var control struct {
		Open openFrame `json:"@open"`
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&control); err != nil {
		return o, invalidOpenFrame(err)
	}
	if o.metadata, err = metadataFromFrame(control.Open.Metadata, maxMetadataBytes); err != nil {
		return o, err
	}
	if o.timeout, err = control.Open.timeout(); err != nil {
		return o, err
	}
	if control.Open.Encoding != "" {
		var known bool
		if o.codec, known = codecNamed(control.Open.Encoding); !known {
			return o, invalidField("encoding", "want json or proto")
		}
	}
	return o, nil
}

func invalidOpenFrame(err error) error {
	var mismatch *json.UnmarshalTypeError
	if errors.As(err, &mismatch) {
		return invalidField(mismatch.Field, mismatch.Value+" is not what belongs here")
	}
	// The only other error is an unknown field, whose text names it.
	return invalidField("@open", cut(strings.TrimPrefix(err.Error(), "json: "), maxErrorBytes))
}

// timeout is 0 without one.
func (f openFrame) timeout() (time.Duration, error) {
	switch {
	case f.TimeoutMs == nil:
		return 0, nil
	case *f.TimeoutMs <= 0:
		return 0, invalidField("timeoutMs", "must be positive")
	case *f.TimeoutMs > math.MaxInt64/int64(time.Millisecond):
		return math.MaxInt64, nil
	}
	return time.Duration(*f.TimeoutMs) * time.Millisecond, nil
}

// headersFrame is the server's control frame {"@headers": {...}}: before the first message, or when the service sends them.
func headersFrame(md metadata.MD) []byte {
	return mustMarshal(map[string]any{"@headers": metadataToFrame(md)})
}

// endFrame is the server's control frame {"@end": {...}}, the last before the close frame. types resolves details.
func endFrame(st *status.Status, trailer metadata.MD, types typeResolver) []byte {
	var end struct {
		Status struct {
			Code    uint32            `json:"code"`
			Message string            `json:"message"`
			Details []json.RawMessage `json:"details,omitempty"`
		} `json:"status"`
		Trailers map[string]metadataValues `json:"trailers"`
	}
	end.Status.Code = uint32(st.Code())
	end.Status.Message = st.Message()
	for _, detail := range st.Proto().GetDetails() {
		end.Status.Details = append(end.Status.Details, marshalDetail(detail, types))
	}
	end.Trailers = metadataToFrame(trailer)
	return mustMarshal(map[string]any{"@end": end})
}

// marshalDetail writes a detail as protojson does; one of an unknown type keeps its bytes, in base64.
func marshalDetail(detail *anypb.Any, types typeResolver) json.RawMessage {
	if checkDepth(detail.ProtoReflect(), types, maxDepth) == nil {
		if data, err := (protojson.MarshalOptions{Resolver: types}).Marshal(detail); err == nil {
			return data
		}
	}
	return mustMarshal(map[string]string{
		"@type": detail.GetTypeUrl(),
		"value": base64.StdEncoding.EncodeToString(detail.GetValue()),
	})
}

// mustMarshal writes compact JSON. The values given to it cannot fail: strings, numbers, maps, and JSON of protojson.
func mustMarshal(v any) []byte {
	var buf bytes.Buffer
	encoder := json.NewEncoder(&buf)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		panic("bridge: control frame: " + err.Error())
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
}
