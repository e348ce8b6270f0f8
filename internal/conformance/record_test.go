package conformance

import (
	"encoding/base64"
	"strings"
	"time"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/anypb"
)

// record is a message whose fields are taken by name. A name that the message does not have panics.
type record struct{ protoreflect.Message }

func newRecord(descriptor protoreflect.MessageDescriptor) record {
	return record{dynamicpb.NewMessage(descriptor)}
}

func (r record) field(name protoreflect.Name) protoreflect.FieldDescriptor {
	return r.Descriptor().Fields().ByName(name)
}

func (r record) has(name protoreflect.Name) bool { return r.Has(r.field(name)) }

func (r record) get(name protoreflect.Name) protoreflect.Value { return r.Get(r.field(name)) }

func (r record) set(name protoreflect.Name, value protoreflect.Value) { r.Set(r.field(name), value) }

// child returns a message in r, which r has afterwards.
func (r record) child(name protoreflect.Name) record {
	return record{r.Mutable(r.field(name)).Message()}
}

// list returns a list in r that can be added to.
func (r record) list(name protoreflect.Name) protoreflect.List {
	return r.Mutable(r.field(name)).List()
}

// packed puts r into a google.protobuf.Any, which it returns.
func (r record) packed(into protoreflect.Message) protoreflect.Message {
	packed, err := anypb.New(r.Interface())
	if err != nil {
		panic(err) // only for text that is not UTF-8, which a message that was decoded does not have
	}
	in := record{into}
	in.set("type_url", protoreflect.ValueOfString(packed.GetTypeUrl()))
	in.set("value", protoreflect.ValueOfBytes(packed.GetValue()))
	return into
}

// definition says how to answer: a UnaryResponseDefinition or a StreamResponseDefinition.
type definition struct {
	header, trailer metadata.MD
	data            [][]byte // what is to be sent yet
	delay           time.Duration
	failure         *spb.Status // nil: OK
	answered        bool        // a response was sent
}

// definition returns a request's; nil if it has none.
func (r record) definition() *definition {
	if !r.has("response_definition") {
		return nil
	}
	from := r.child("response_definition")
	d := &definition{
		header:  metadataOf(from.list("response_headers")),
		trailer: metadataOf(from.list("response_trailers")),
		delay:   time.Duration(from.get("response_delay_ms").Uint()) * time.Millisecond,
	}
	if field := from.field("response_data"); field.IsList() {
		for i, data := 0, from.list("response_data"); i < data.Len(); i++ {
			d.data = append(d.data, data.Get(i).Bytes())
		}
	} else {
		d.data = [][]byte{from.get("response_data").Bytes()}
	}
	if from.has("error") {
		d.failure = statusOf(from.child("error"))
	}
	return d
}

func statusOf(failure record) *spb.Status {
	st := &spb.Status{
		Code:    int32(failure.get("code").Enum()),
		Message: failure.get("message").String(),
	}
	for i, details := 0, failure.list("details"); i < details.Len(); i++ {
		detail := record{details.Get(i).Message()}
		st.Details = append(st.Details, &anypb.Any{
			TypeUrl: detail.get("type_url").String(),
			Value:   detail.get("value").Bytes(),
		})
	}
	return st
}

// failed is the error to end with; info, unless it is zero, is a last detail of it.
func (d *definition) failed(info record) error {
	st := proto.CloneOf(d.failure)
	if info != (record{}) {
		detail, err := anypb.New(info.Interface())
		if err != nil {
			return err
		}
		st.Details = append(st.Details, detail)
	}
	return status.ErrorProto(st)
}

// metadataOf reads a list of Header, in which binary values are base64.
func metadataOf(headers protoreflect.List) metadata.MD {
	md := metadata.MD{}
	for i := range headers.Len() {
		header := record{headers.Get(i).Message()}
		name := header.get("name").String()
		for j, values := 0, header.list("value"); j < values.Len(); j++ {
			md.Append(name, decodeValue(name, values.Get(j).String()))
		}
	}
	return md
}

func isBinary(name string) bool { return strings.HasSuffix(strings.ToLower(name), "-bin") }

// decodeValue returns a value of a Header as metadata has it.
func decodeValue(name, value string) string {
	if !isBinary(name) {
		return value
	}
	if decoded, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(value, "=")); err == nil {
		return string(decoded)
	}
	return value
}

// encodeValue returns a value of metadata as a Header has it.
func encodeValue(name, value string) string {
	if !isBinary(name) {
		return value
	}
	return base64.RawStdEncoding.EncodeToString([]byte(value))
}
