package bridge

import (
	"errors"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"
)

// transcoding turns the messages of one method from JSON into protobuf and back, by its descriptors. Its mapping is that of
// a service in process. A nil transcoding is a method without descriptors and refuses JSON.
type transcoding struct {
	input, output protoreflect.MessageDescriptor
	types         typeResolver
}

var (
	errNoDescriptors = status.Error(codes.Unimplemented, "this method takes no JSON: the upstream has no descriptors for it")
	errTooDeep       = errors.New("message is nested too deeply")
)

// request turns a message in JSON into protobuf. The error is a status.
func (t *transcoding) request(data []byte) ([]byte, error) {
	if t == nil {
		return nil, errNoDescriptors
	}
	message := dynamicpb.NewMessage(t.input)
	if err := unmarshalJSON(data, message, t.types); err != nil {
		return nil, err
	}
	encoded, err := proto.Marshal(message)
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, "this message has no protobuf encoding")
	}
	return encoded, nil
}

// response turns a message in protobuf into JSON.
func (t *transcoding) response(data []byte) ([]byte, error) {
	if t == nil {
		return nil, errNoDescriptors
	}
	message := dynamicpb.NewMessage(t.output)
	options := proto.UnmarshalOptions{RecursionLimit: maxDepth, Resolver: t.types}
	if err := options.Unmarshal(data, message); err != nil {
		return nil, fmt.Errorf("the upstream's message is not a %s", t.output.FullName())
	}
	if err := checkDepth(message, t.types, maxDepth); err != nil {
		return nil, err
	}
	encoded, err := marshalJSON(message, t.types)
	if err != nil {
		return nil, fmt.Errorf("the upstream's %s has no JSON encoding", t.output.FullName())
	}
	return encoded, nil
}

// checkDepth limits how deeply the contents of Any are nested in one another. protojson expands them without a limit of its
// own, and a few megabytes could so take all of the stack. Depth of other kinds is limited when a message is decoded.
func checkDepth(message protoreflect.Message, types typeResolver, depth int) (err error) {
	if depth == 0 {
		return errTooDeep
	}
	if message.Descriptor().FullName() == "google.protobuf.Any" {
		return checkAnyDepth(message, types, depth)
	}
	message.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case field.IsMap() && field.MapValue().Message() != nil:
			value.Map().Range(func(_ protoreflect.MapKey, value protoreflect.Value) bool {
				err = checkDepth(value.Message(), types, depth-1)
				return err == nil
			})
		case field.IsList() && field.Message() != nil:
			for i := 0; err == nil && i < value.List().Len(); i++ {
				err = checkDepth(value.List().Get(i).Message(), types, depth-1)
			}
		case !field.IsMap() && field.Message() != nil:
			err = checkDepth(value.Message(), types, depth-1)
		}
		return err == nil
	})
	return err
}

func checkAnyDepth(message protoreflect.Message, types typeResolver, depth int) error {
	fields := message.Descriptor().Fields()
	url, value := fields.ByName("type_url"), fields.ByName("value")
	if url == nil || value == nil {
		return nil
	}
	content, err := types.FindMessageByURL(message.Get(url).String())
	if err != nil {
		return nil // protojson will say so
	}
	inner := content.New()
	options := proto.UnmarshalOptions{RecursionLimit: maxDepth, Resolver: types}
	if err := options.Unmarshal(message.Get(value).Bytes(), inner.Interface()); err != nil {
		return nil
	}
	return checkDepth(inner, types, depth-1)
}

// typeResolver finds the types that extensions and the contents of Any have.
type typeResolver interface {
	protoregistry.MessageTypeResolver
	protoregistry.ExtensionTypeResolver
}

// detailTypes are the types that a status's details may have. Only the handler's goroutine ends a call with details.
func (s *serverStream) detailTypes(st *status.Status) typeResolver {
	if len(st.Proto().GetDetails()) > 0 && s.method != nil && s.method.types != nil {
		return s.method.types
	}
	return protoregistry.GlobalTypes
}

// upstreamTypes are an upstream's types, and behind them those that are linked in: the well-known ones and what google.rpc
// has for details of errors.
type upstreamTypes struct{ upstream *dynamicpb.Types }

func newUpstreamTypes(files *protoregistry.Files) upstreamTypes {
	return upstreamTypes{dynamicpb.NewTypes(files)}
}

func (t upstreamTypes) FindMessageByName(name protoreflect.FullName) (protoreflect.MessageType, error) {
	if found, err := t.upstream.FindMessageByName(name); err == nil {
		return found, nil
	}
	return protoregistry.GlobalTypes.FindMessageByName(name)
}

func (t upstreamTypes) FindMessageByURL(url string) (protoreflect.MessageType, error) {
	if found, err := t.upstream.FindMessageByURL(url); err == nil {
		return found, nil
	}
	return protoregistry.GlobalTypes.FindMessageByURL(url)
}

func (t upstreamTypes) FindExtensionByName(name protoreflect.FullName) (protoreflect.ExtensionType, error) {
	if found, err := t.upstream.FindExtensionByName(name); err == nil {
		return found, nil
	}
	return protoregistry.GlobalTypes.FindExtensionByName(name)
}

func (t upstreamTypes) FindExtensionByNumber(
	message protoreflect.FullName, number protoreflect.FieldNumber,
) (protoreflect.ExtensionType, error) {
	if found, err := t.upstream.FindExtensionByNumber(message, number); err == nil {
		return found, nil
	}
	return protoregistry.GlobalTypes.FindExtensionByNumber(message, number)
}
