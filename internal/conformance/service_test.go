package conformance

import (
	"context"
	"io"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// service is the service of the suites, as connectrpc/conformance/v1/service.proto specifies it. The suites' generated code is
// internal to them, so messages are dynamic, by the descriptors.
type service struct {
	descriptor protoreflect.ServiceDescriptor
}

func newService(set *descriptorpb.FileDescriptorSet) (*service, error) {
	files, err := protodesc.NewFiles(set)
	if err != nil {
		return nil, err
	}
	descriptor, err := files.FindDescriptorByName(serviceName)
	if err != nil {
		return nil, err
	}
	return &service{descriptor.(protoreflect.ServiceDescriptor)}, nil
}

// desc is what a server registers. The method Unimplemented is left out, as it has to be.
func (s *service) desc() *grpc.ServiceDesc {
	return &grpc.ServiceDesc{
		ServiceName: serviceName,
		HandlerType: (*any)(nil),
		Methods:     []grpc.MethodDesc{s.unary("Unary"), s.unary("IdempotentUnary")},
		Streams: []grpc.StreamDesc{
			s.stream("ServerStream", false, true, serverStream),
			s.stream("ClientStream", true, false, clientStream),
			s.stream("BidiStream", true, true, bidiStream),
		},
	}
}

func (s *service) unary(name string) grpc.MethodDesc {
	method := s.descriptor.Methods().ByName(protoreflect.Name(name))
	return grpc.MethodDesc{
		MethodName: name,
		Handler: func(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
			request := newRecord(method.Input())
			if err := decode(request.Interface()); err != nil {
				return nil, err
			}
			c := &call{ctx: ctx, method: method, stream: unaryMetadata{ctx}}
			response, err := c.answerOnce(request.definition(), []record{request})
			if err != nil {
				return nil, err
			}
			return response.Interface(), nil
		},
	}
}

// unaryMetadata sends a unary call's metadata.
type unaryMetadata struct{ ctx context.Context }

func (u unaryMetadata) SendHeader(md metadata.MD) error { return grpc.SendHeader(u.ctx, md) }
func (u unaryMetadata) SetTrailer(md metadata.MD)       { grpc.SetTrailer(u.ctx, md) } // fails only after the call

func (s *service) stream(name string, client, server bool, handle func(*call, grpc.ServerStream) error) grpc.StreamDesc {
	method := s.descriptor.Methods().ByName(protoreflect.Name(name))
	return grpc.StreamDesc{
		StreamName: name, ClientStreams: client, ServerStreams: server,
		Handler: func(_ any, stream grpc.ServerStream) error {
			return handle(&call{ctx: stream.Context(), method: method, stream: stream}, stream)
		},
	}
}

// call is a call as the service has it.
type call struct {
	ctx    context.Context
	method protoreflect.MethodDescriptor
	stream interface {
		SendHeader(metadata.MD) error
		SetTrailer(metadata.MD)
	}
}

func clientStream(c *call, stream grpc.ServerStream) error {
	var requests []record
	for {
		request, err := c.receive(stream)
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		requests = append(requests, request)
	}
	var first *definition
	if len(requests) > 0 {
		first = requests[0].definition()
	}
	response, err := c.answerOnce(first, requests)
	if err != nil {
		return err
	}
	return stream.SendMsg(response.Interface())
}

// answerOnce gives the one answer of a unary or client-streaming call.
func (c *call) answerOnce(d *definition, requests []record) (record, error) {
	if d == nil {
		d = &definition{data: [][]byte{nil}}
	} else if err := c.begin(d); err != nil {
		return record{}, err
	}
	if err := c.wait(d); err != nil {
		return record{}, err
	}
	if d.failure != nil {
		return record{}, d.failed(c.info(requests))
	}
	var data []byte
	if len(d.data) > 0 {
		data = d.data[0]
	}
	return c.response(data, c.info(requests)), nil
}

func serverStream(c *call, stream grpc.ServerStream) error {
	request, err := c.receive(stream)
	if err != nil {
		return err
	}
	d := request.definition()
	if d == nil {
		return nil
	}
	if err := c.begin(d); err != nil {
		return err
	}
	return c.answerAll(stream, d, []record{request})
}

func bidiStream(c *call, stream grpc.ServerStream) error {
	var d *definition
	var requests []record // that no response has told of yet
	for first, fullDuplex := true, false; ; first = false {
		request, err := c.receive(stream)
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if first {
			fullDuplex, d = request.get("full_duplex").Bool(), request.definition()
			if d != nil {
				if err := c.begin(d); err != nil {
					return err
				}
			}
		}
		requests = append(requests, request)
		if !fullDuplex {
			continue
		}
		if d == nil || len(d.data) == 0 {
			break
		}
		info := c.requestsOnly(requests)
		if !d.answered {
			info = c.info(requests)
		}
		if err := c.send(stream, d, info); err != nil {
			return err
		}
		requests = nil
	}
	if d == nil {
		return nil
	}
	return c.answerAll(stream, d, requests)
}

// answerAll sends what is left of the definition, and the end. If nothing was sent before, the first of it tells of the
// requests.
func (c *call) answerAll(stream grpc.ServerStream, d *definition, requests []record) error {
	for len(d.data) > 0 {
		var info record
		if !d.answered {
			info = c.info(requests)
		}
		if err := c.send(stream, d, info); err != nil {
			return err
		}
	}
	if d.failure == nil {
		return nil
	}
	if d.answered {
		return d.failed(record{})
	}
	return d.failed(c.info(requests))
}

func (c *call) receive(stream grpc.ServerStream) (record, error) {
	request := newRecord(c.method.Input())
	return request, stream.RecvMsg(request.Interface())
}

// begin sends headers and sets trailers.
func (c *call) begin(d *definition) error {
	c.stream.SetTrailer(d.trailer)
	return c.stream.SendHeader(d.header)
}

// send sends the definition's next response, after its delay. The zero info is none.
func (c *call) send(stream grpc.ServerStream, d *definition, info record) error {
	if err := c.wait(d); err != nil {
		return err
	}
	response := c.response(d.data[0], info)
	d.data, d.answered = d.data[1:], true
	return stream.SendMsg(response.Interface())
}

func (c *call) wait(d *definition) error {
	if d.delay == 0 {
		return nil
	}
	timer := time.NewTimer(d.delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-c.ctx.Done():
		return c.ctx.Err()
	}
}

func (c *call) response(data []byte, info record) record {
	response := newRecord(c.method.Output())
	payload := response.child("payload")
	payload.set("data", protoreflect.ValueOfBytes(data))
	if info != (record{}) {
		payload.set("request_info", protoreflect.ValueOfMessage(info.Message))
	}
	return response
}

// info tells the client what came of its requests: metadata, time-out and messages.
func (c *call) info(requests []record) record {
	info := c.requestsOnly(requests)
	md, _ := metadata.FromIncomingContext(c.ctx)
	headers := info.list("request_headers")
	for name, values := range md {
		header := record{headers.NewElement().Message()}
		header.set("name", protoreflect.ValueOfString(name))
		for _, value := range values {
			header.list("value").Append(protoreflect.ValueOfString(encodeValue(name, value)))
		}
		headers.Append(protoreflect.ValueOfMessage(header.Message))
	}
	if deadline, ok := c.ctx.Deadline(); ok {
		info.set("timeout_ms", protoreflect.ValueOfInt64(time.Until(deadline).Milliseconds()))
	}
	return info
}

// requestsOnly is info with the messages only.
func (c *call) requestsOnly(requests []record) record {
	info := newRecord(newRecord(c.method.Output()).child("payload").field("request_info").Message())
	list := info.list("requests")
	for _, request := range requests {
		list.Append(protoreflect.ValueOfMessage(request.packed(list.NewElement().Message())))
	}
	return info
}
