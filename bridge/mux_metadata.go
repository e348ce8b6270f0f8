package bridge

import (
	"fmt"
	"slices"
	"strings"

	bridgev1 "github.com/rialto-rpc/rialto/gen/go/rialto/bridge/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// metadataFromEntries turns metadata of a frame into a call's. Reserved keys are dropped, as grpc-go drops them. The error is
// a status: INVALID_ARGUMENT for what cannot be metadata, RESOURCE_EXHAUSTED over the limit.
func metadataFromEntries(entries []*bridgev1.Metadatum, maxBytes int) (metadata.MD, error) {
	md := make(metadata.MD, len(entries))
	size := 0
	for _, entry := range entries {
		key := entry.GetKey()
		value, err := valueOfEntry(entry)
		if err != nil {
			return nil, err
		}
		if size += len(key) + len(value) + metadatumBytes; size > maxBytes {
			return nil, status.Errorf(codes.ResourceExhausted, "metadata larger than max (%d bytes)", maxBytes)
		}
		if !isReserved(key) {
			md[key] = append(md[key], value)
		}
	}
	return md, nil
}

func valueOfEntry(entry *bridgev1.Metadatum) (string, error) {
	key := entry.GetKey()
	if !isReserved(key) && !isMetadataKey(key) {
		return "", invalidField("metadata", fmt.Sprintf("%q is not a metadata key", cut(key, 64)))
	}
	switch value := entry.GetValue().(type) {
	case *bridgev1.Metadatum_Binary:
		if strings.HasSuffix(key, binSuffix) {
			return string(value.Binary), nil
		}
	case *bridgev1.Metadatum_Text:
		if !strings.HasSuffix(key, binSuffix) && isPrintable(value.Text) {
			return value.Text, nil
		}
	}
	return "", invalidField("metadata."+cut(key, 64), "not the value that the key's kind wants")
}

// metadataToEntries is metadata as a frame carries it, in the order of keys, without reserved ones. size is what it counts.
func metadataToEntries(md metadata.MD) (entries []*bridgev1.Metadatum, size int) {
	keys := make([]string, 0, len(md))
	for key := range md {
		if !isReserved(key) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	for _, key := range keys {
		for _, value := range md[key] {
			entry := &bridgev1.Metadatum{Key: key}
			if strings.HasSuffix(key, binSuffix) {
				entry.Value = &bridgev1.Metadatum_Binary{Binary: []byte(value)}
			} else {
				entry.Value = &bridgev1.Metadatum_Text{Text: value}
			}
			entries = append(entries, entry)
			size += len(key) + len(value) + metadatumBytes
		}
	}
	return entries, size
}

// maxEndMessageBytes is how much of a status message an END carries that would be too large with all of it.
const maxEndMessageBytes = 8 << 10

// endPayload is the payload of END. What the peer cannot take is left out, the status's code never: first the details and
// the end of a long message, then the trailers. A call that would lose trailers ends with an error.
func endPayload(st *status.Status, trailer metadata.MD, maxMetadataBytes int) []byte {
	entries, size := metadataToEntries(trailer)
	if size > min(maxMetadataBytes, maxControlBytes-2*maxEndMessageBytes) {
		entries = nil
		if st.Code() == codes.OK {
			st = status.New(codes.ResourceExhausted, "the trailers are larger than the client takes")
		}
	}
	end := &bridgev1.End{Metadata: entries}
	if st.Code() != codes.OK {
		end.Status = st.Proto()
		end.Status.Message = strings.ToValidUTF8(end.Status.GetMessage(), "\uFFFD")
	}
	data, err := proto.Marshal(end)
	if err == nil && len(data) <= maxControlBytes {
		return data
	}
	if end.Status != nil {
		end.Status.Details = nil
		end.Status.Message = cut(end.Status.GetMessage(), maxEndMessageBytes)
	}
	return marshalControl(end)
}
