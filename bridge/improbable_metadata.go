package bridge

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

const (
	improbableContentType     = "application/grpc-web+proto"
	improbableContentTypeJSON = "application/grpc-web+json"
)

// readOpening implements [framing]: the client's first frame is its metadata.
func (c *improbableCall) readOpening() (opening, bool) {
	limit := c.maxFrameBytes
	c.maxFrameBytes = c.handler.config.maxMetadataBytes
	f, ok := c.readFirst()
	c.maxFrameBytes = limit
	if !ok {
		return opening{}, false
	}
	defer f.free()
	if f.text {
		c.breach(errTextFrame)
		return opening{}, false
	}
	opened, err := parseImprobableHeader(f.data.String(), c.handler.config.maxMetadataBytes)
	if err != nil {
		c.end(status.Convert(err))
		return opening{}, false
	}
	c.stream.codec = opened.codec
	return opened, true
}

// parseImprobableHeader decodes the lines of a client's first frame. The error is a status.
func parseImprobableHeader(block string, maxMetadataBytes int) (o opening, err error) {
	entries := make(map[string]metadataValues)
	o.codec, _ = codecNamed("proto")
	for line := range strings.SplitSeq(block, "\n") {
		line = strings.TrimSuffix(line, "\r")
		if line == "" {
			continue
		}
		key, value, ok := strings.Cut(line, ":")
		if !ok {
			return o, status.Error(codes.InvalidArgument, "malformed metadata: a line without a colon")
		}
		key, value = strings.ToLower(strings.TrimSpace(key)), strings.Trim(value, " \t")
		switch key {
		case "content-type":
			if o.codec, err = codecOfImprobable(value); err != nil {
				return o, err
			}
		case "grpc-timeout":
			if o.timeout, err = parseGRPCTimeout(value); err != nil {
				return o, err
			}
		case "x-grpc-web":
		default:
			entries[key] = append(entries[key], splitValues(key, value)...)
		}
	}
	o.metadata, err = metadataFromFrame(entries, maxMetadataBytes)
	return o, err
}

// splitValues separates values of bytes, which clients join as HTTP does.
func splitValues(key, value string) []string {
	if !strings.HasSuffix(key, binSuffix) {
		return []string{value}
	}
	values := strings.Split(value, ",")
	for i := range values {
		values[i] = strings.TrimSpace(values[i])
	}
	return values
}

func codecOfImprobable(contentType string) (codec, error) {
	contentType, _, _ = strings.Cut(contentType, ";")
	name := "proto"
	switch strings.ToLower(strings.TrimSpace(contentType)) {
	case improbableContentType, "application/grpc-web", "application/grpc+proto", "application/grpc":
	case improbableContentTypeJSON, "application/grpc+json":
		name = "json"
	default:
		return nil, status.Errorf(codes.Unimplemented, "unknown content type %q", cut(contentType, 64))
	}
	c, _ := codecNamed(name)
	return c, nil
}

// parseGRPCTimeout parses a grpc-timeout: at most eight digits and a unit (gRPC's PROTOCOL-HTTP2.md).
func parseGRPCTimeout(value string) (time.Duration, error) {
	units := map[byte]time.Duration{
		'H': time.Hour, 'M': time.Minute, 'S': time.Second, 'm': time.Millisecond, 'u': time.Microsecond, 'n': time.Nanosecond,
	}
	last := len(value) - 1
	if last < 1 || last > 8 || units[value[last]] == 0 {
		return 0, invalidField("grpc-timeout", "not a timeout")
	}
	n, err := strconv.ParseUint(value[:last], 10, 32)
	if err != nil {
		return 0, invalidField("grpc-timeout", "not a timeout")
	}
	// 10^8 hours are more than a Duration holds. Nothing is left of a timeout of 0, and 0 would mean that there is none.
	unit := units[value[last]]
	if n > uint64((1<<63-1)/unit) {
		return 1<<63 - 1, nil
	}
	return max(time.Duration(n)*unit, 1), nil
}

// trailerBlock is a status with the trailers, as lines of an HTTP header.
func trailerBlock(st *status.Status, trailer metadata.MD) []byte {
	var block strings.Builder
	writeHeaderLine(&block, "grpc-status", strconv.Itoa(int(st.Code())))
	if st.Message() != "" {
		writeHeaderLine(&block, "grpc-message", percentEncode(st.Message()))
	}
	if st.Code() != codes.OK && len(st.Proto().GetDetails()) > 0 {
		if details, err := proto.Marshal(st.Proto()); err == nil {
			writeHeaderLine(&block, "grpc-status-details-bin", base64.StdEncoding.EncodeToString(details))
		}
	}
	writeMetadataLines(&block, trailer)
	return []byte(block.String())
}

func writeHeaderLine(block *strings.Builder, key, value string) {
	fmt.Fprintf(block, "%s: %s\r\n", key, value)
}

// writeMetadataLines writes metadata of a service, in the order of keys, without what a service may not set.
func writeMetadataLines(block *strings.Builder, md metadata.MD) {
	for _, key := range slices.Sorted(maps.Keys(md)) {
		if isReserved(key) {
			continue
		}
		for _, value := range md[key] {
			if strings.HasSuffix(key, binSuffix) {
				value = base64.StdEncoding.EncodeToString([]byte(value))
			}
			writeHeaderLine(block, key, value)
		}
	}
}

// percentEncode writes a status message as gRPC's PROTOCOL-HTTP2.md asks: printable ASCII but "%" as it is.
func percentEncode(message string) string {
	var encoded strings.Builder
	for i := range len(message) {
		if b := message[i]; b >= ' ' && b <= '~' && b != '%' {
			encoded.WriteByte(b)
		} else {
			fmt.Fprintf(&encoded, "%%%02X", b)
		}
	}
	return encoded.String()
}
