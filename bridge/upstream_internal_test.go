package bridge

import (
	"testing"

	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// FuzzCatalog: whatever descriptors an upstream has, also such as lack imports, they are refused, or messages can be
// transcoded with them or refused, and nothing panics.
func FuzzCatalog(f *testing.F) {
	f.Add(mustMarshalFile(f, protodesc.ToFileDescriptorProto(testgrpc.File_grpc_testing_test_proto)), []byte(`{"payload":{}}`))
	f.Add(mustMarshalFile(f, lackingFile()), []byte(`{"far":{"a":1},"kind":"NONE","kinds":["A",1],"map":{"a":{}}}`))
	f.Add(mustMarshalFile(f, lackingFile()), []byte("\x0a\x02\x08\x01\x10\x01\x18\x02"))
	f.Fuzz(func(t *testing.T, data, message []byte) {
		r := &reflection{files: make(map[string]*descriptorpb.FileDescriptorProto)}
		file := new(descriptorpb.FileDescriptorProto)
		if proto.Unmarshal(data, file) != nil {
			return
		}
		r.files[file.GetName()] = file
		files, err := r.link()
		if err != nil {
			return
		}
		newCatalog(&upstream{}, files, servicesOf(files))
		types := newUpstreamTypes(files)
		files.RangeFiles(func(file protoreflect.FileDescriptor) bool {
			for i := range file.Services().Len() {
				methods := file.Services().Get(i).Methods()
				for j := range methods.Len() {
					tc := &transcoding{input: methods.Get(j).Input(), output: methods.Get(j).Output(), types: types}
					tc.request(message)
					tc.response(message)
				}
			}
			return true
		})
	})
}

// lackingFile is a file whose imports nobody has.
func lackingFile() *descriptorpb.FileDescriptorProto {
	field := func(name string, number int32, kind descriptorpb.FieldDescriptorProto_Type, typeName string,
		label descriptorpb.FieldDescriptorProto_Label,
	) *descriptorpb.FieldDescriptorProto {
		return &descriptorpb.FieldDescriptorProto{
			Name: &name, JsonName: &name, Number: &number, Type: &kind, TypeName: &typeName, Label: &label,
		}
	}
	const (
		message  = descriptorpb.FieldDescriptorProto_TYPE_MESSAGE
		enum     = descriptorpb.FieldDescriptorProto_TYPE_ENUM
		optional = descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL
		repeated = descriptorpb.FieldDescriptorProto_LABEL_REPEATED
	)
	return &descriptorpb.FileDescriptorProto{
		Name: proto.String("near.proto"), Package: proto.String("near"), Syntax: proto.String("proto3"),
		Dependency: []string{"far.proto"},
		MessageType: []*descriptorpb.DescriptorProto{{Name: proto.String("Near"), Field: []*descriptorpb.FieldDescriptorProto{
			field("far", 1, message, ".far.Far", optional),
			field("kind", 2, enum, ".far.Kind", optional),
			field("kinds", 3, enum, ".far.Kind", repeated),
		}}},
		Service: []*descriptorpb.ServiceDescriptorProto{{Name: proto.String("Svc"), Method: []*descriptorpb.MethodDescriptorProto{
			{Name: proto.String("Near"), InputType: proto.String(".near.Near"), OutputType: proto.String(".near.Near")},
			{Name: proto.String("Far"), InputType: proto.String(".far.Far"), OutputType: proto.String(".far.Far")},
		}}},
	}
}

func mustMarshalFile(f *testing.F, file *descriptorpb.FileDescriptorProto) []byte {
	data, err := proto.Marshal(file)
	if err != nil {
		f.Fatal(err)
	}
	return data
}
