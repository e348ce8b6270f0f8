package bridge

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

const (
	maxReflectedBytes = 64 << 20 // of all descriptors of an upstream
	maxReflectedFiles = 10_000
)

// The two versions of the reflection service; their messages are the same on the wire.
// See https://github.com/grpc/grpc/blob/master/doc/server-reflection.md.
const (
	reflectionV1      = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
	reflectionV1Alpha = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
)

var errNoReflection = errors.New("no reflection")

// reflect asks the upstream for the exposed services and all files they need. The error is errNoReflection where asking
// again would not help, otherwise a status.
func (u *upstream) reflect(ctx context.Context) (services []string, files *protoregistry.Files, err error) {
	for _, method := range []string{reflectionV1, reflectionV1Alpha} {
		if services, files, err = u.reflectBy(ctx, method); status.Code(err) != codes.Unimplemented {
			break
		}
	}
	switch status.Code(err) {
	case codes.OK, codes.Unavailable, codes.DeadlineExceeded, codes.Canceled, codes.ResourceExhausted, codes.Aborted:
		return services, files, err
	}
	// No such service, a refusal, or a fault of it: calls need not fail for that.
	return nil, nil, fmt.Errorf("%w: %w", errNoReflection, err)
}

func (u *upstream) reflectBy(ctx context.Context, method string) ([]string, *protoregistry.Files, error) {
	ctx, cancel := context.WithCancel(ctx) // ends the stream
	defer cancel()
	stream, err := u.conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, method,
		grpc.MaxCallRecvMsgSize(maxReflectedBytes))
	if err != nil {
		return nil, nil, err
	}
	r := &reflection{stream: stream, files: make(map[string]*descriptorpb.FileDescriptorProto)}
	services := u.expose
	if services == nil {
		if services, err = r.services(); err != nil {
			return nil, nil, err
		}
	}
	for _, service := range services {
		if !u.exposes(service) {
			continue
		}
		if err := r.symbol(service); err != nil {
			return nil, nil, err
		}
	}
	files, err := r.link()
	if err != nil {
		// Not the connection's fault, and asking again would not help.
		return nil, nil, fmt.Errorf("%w: %w", errNoReflection, err)
	}
	return services, files, nil
}

// reflection is one conversation with a reflection service. Every question has one answer, in order.
type reflection struct {
	stream grpc.ClientStream
	files  map[string]*descriptorpb.FileDescriptorProto // by path; nil for one that the service does not have
	bytes  int
}

func (r *reflection) ask(question *reflectionv1.ServerReflectionRequest) (*reflectionv1.ServerReflectionResponse, error) {
	// The error of a send is io.EOF; what ended the stream is for RecvMsg to say.
	_ = r.stream.SendMsg(question)
	answer := new(reflectionv1.ServerReflectionResponse)
	if err := r.stream.RecvMsg(answer); err != nil {
		return nil, err
	}
	return answer, nil
}

func (r *reflection) services() (names []string, err error) {
	answer, err := r.ask(&reflectionv1.ServerReflectionRequest{
		MessageRequest: &reflectionv1.ServerReflectionRequest_ListServices{},
	})
	if err != nil {
		return nil, err
	}
	if failure := answer.GetErrorResponse(); failure != nil {
		return nil, status.Error(codes.Code(failure.GetErrorCode()), failure.GetErrorMessage())
	}
	for _, service := range answer.GetListServicesResponse().GetService() {
		names = append(names, service.GetName())
	}
	return names, nil
}

// symbol asks for the file that defines a service and for all that it imports. A symbol that the service does not know is
// no error: the rest is still of use.
func (r *reflection) symbol(name string) error {
	answer, err := r.ask(&reflectionv1.ServerReflectionRequest{
		MessageRequest: &reflectionv1.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: name},
	})
	if err != nil {
		return err
	}
	return r.add(answer)
}

// add takes the files of an answer and asks for those that they import and nobody has sent.
func (r *reflection) add(answer *reflectionv1.ServerReflectionResponse) error {
	var added []*descriptorpb.FileDescriptorProto
	for _, data := range answer.GetFileDescriptorResponse().GetFileDescriptorProto() {
		file := new(descriptorpb.FileDescriptorProto)
		if r.bytes += len(data); r.bytes > maxReflectedBytes || len(r.files) >= maxReflectedFiles {
			return fmt.Errorf("%w: too many descriptors", errNoReflection)
		}
		if err := proto.Unmarshal(data, file); err != nil {
			return fmt.Errorf("%w: malformed descriptor: %w", errNoReflection, err)
		}
		if r.files[file.GetName()] == nil {
			r.files[file.GetName()] = file
			added = append(added, file)
		}
	}
	for _, file := range added {
		for _, path := range file.GetDependency() {
			if _, known := r.files[path]; known {
				continue
			}
			if err := r.file(path); err != nil {
				return err
			}
		}
	}
	return nil
}

// file asks for a file by its path. Servers that leave the well-known types out get ours.
func (r *reflection) file(path string) error {
	r.files[path] = nil
	if ours, err := protoregistry.GlobalFiles.FindFileByPath(path); err == nil && isWellKnown(ours) {
		r.files[path] = protodesc.ToFileDescriptorProto(ours)
		return nil
	}
	answer, err := r.ask(&reflectionv1.ServerReflectionRequest{
		MessageRequest: &reflectionv1.ServerReflectionRequest_FileByFilename{FileByFilename: path},
	})
	if err != nil {
		return err
	}
	return r.add(answer)
}

func isWellKnown(file protoreflect.FileDescriptor) bool { return file.Package() == "google.protobuf" }

// link makes descriptors of the files. An import that nobody has leaves a placeholder.
func (r *reflection) link() (*protoregistry.Files, error) {
	set := new(descriptorpb.FileDescriptorSet)
	for _, file := range r.files {
		if file != nil {
			set.File = append(set.File, file)
		}
	}
	return protodesc.FileOptions{AllowUnresolvable: true}.NewFiles(set)
}
