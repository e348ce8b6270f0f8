package bridge

import (
	"errors"
	"net/http"
	"strings"

	"connectrpc.com/connect"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// isOfHTTP reports whether a header is about the request or the response rather than about the call, so that it is no
// metadata.
func isOfHTTP(key string) bool {
	for _, prefix := range []string{"accept", "access-control-", "connect-", "content-", "if-", "trailer-"} {
		if strings.HasPrefix(key, prefix) {
			return true
		}
	}
	switch key {
	case "alt-used", "cache-control", "date", "dnt", "expect", "pragma", "priority", "range", "referer", "x-grpc-web":
		return true
	}
	return false
}

// metadataOfRequest turns a request's headers into a call's metadata: the headers are where Connect and gRPC-Web have it.
// Reserved names and those of HTTP itself are dropped, and so are values that cannot be metadata, which proxies may add.
// The error is a status: INVALID_ARGUMENT for bytes that are not base64, RESOURCE_EXHAUSTED over the limit.
func metadataOfRequest(r *http.Request, maxBytes int) (metadata.MD, error) {
	md := metadataOfHandshake(r)
	size := 0
	for name, values := range r.Header {
		key := strings.ToLower(name)
		if _, known := md[key]; known || isReserved(key) || isOfHTTP(key) || !isMetadataKey(key) {
			continue
		}
		for _, value := range values {
			if size += len(key) + len(value) + metadatumBytes; size > maxBytes {
				return nil, status.Errorf(codes.ResourceExhausted, "metadata larger than max (%d bytes)", maxBytes)
			}
			if strings.HasSuffix(key, binSuffix) {
				if err := appendBytes(md, key, value); err != nil {
					return nil, err
				}
			} else if isPrintable(value) {
				md[key] = append(md[key], value)
			}
		}
	}
	return md, nil
}

// appendBytes decodes values of bytes: HTTP may have joined several with commas.
func appendBytes(md metadata.MD, key, joined string) error {
	for value := range strings.SplitSeq(joined, ",") {
		decoded, err := decodeBase64(strings.TrimSpace(value))
		if err != nil {
			return invalidField("metadata."+key, "not base64")
		}
		md[key] = append(md[key], decoded)
	}
	return nil
}

// addMetadata adds metadata of a service to the headers or the trailers of a response, without what a service may not set.
func addMetadata(header http.Header, md metadata.MD) {
	for key, values := range md {
		if isReserved(key) || isOfHTTP(key) {
			continue
		}
		for _, value := range values {
			if strings.HasSuffix(key, binSuffix) {
				value = connect.EncodeBinaryHeader([]byte(value))
			}
			header.Add(key, value)
		}
	}
}

// connectError is a status as connect sends it; nil for OK.
func connectError(st *status.Status) error {
	if st.Code() == codes.OK {
		return nil
	}
	err := connect.NewError(connect.Code(st.Code()), errors.New(st.Message()))
	for _, detail := range st.Proto().GetDetails() {
		if wired, wireErr := connect.NewErrorDetail(detail); wireErr == nil {
			err.AddDetail(wired)
		}
	}
	return err
}
