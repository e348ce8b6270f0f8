package bridge

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// jsonError says where in data it is wrong: the byte offset, and the field if it has come to one. err is protojson's.
func jsonError(data []byte, err error) error {
	if err := jsonSyntaxError(data); err != nil {
		return err
	}
	offset, description, ok := protojsonPosition(data, err)
	if !ok {
		return status.Error(codes.InvalidArgument, description)
	}
	description = fmt.Sprintf("%s at byte %d", description, offset)
	if path := jsonPath(data, offset); path != "" {
		return invalidField(path, description)
	}
	return status.Error(codes.InvalidArgument, description)
}

// jsonSyntaxError returns INVALID_ARGUMENT with the byte offset, counted from 0, of the first byte that no JSON text could
// have there; nil if data is JSON. The offset of a text that ends too early is its length.
func jsonSyntaxError(data []byte) error {
	var raw json.RawMessage
	var syntax *json.SyntaxError
	if err := json.Unmarshal(data, &raw); !errors.As(err, &syntax) {
		return nil
	}
	offset := syntax.Offset
	if offset > 0 && !strings.HasPrefix(syntax.Error(), "unexpected end") {
		offset-- // encoding/json counts the bytes read, this one included
	}
	return status.Errorf(codes.InvalidArgument, "malformed JSON at byte %d: %s", offset, syntax.Error())
}

// protojson gives positions in its error text only: "(line 1:23): unknown field ...", lines and runes counted from 1.
var protojsonError = regexp.MustCompile(`(?s)\(line (\d+):(\d+)\): (.*)`)

// protojsonPosition returns the byte offset that an error of protojson is about, if it has one, and its text without it.
func protojsonPosition(data []byte, err error) (offset int, description string, ok bool) {
	text := cut(err.Error(), 2*maxErrorBytes) // it may quote all of data; the position is in front
	match := protojsonError.FindStringSubmatch(text)
	if match == nil {
		// "proto:" is followed by a space or a no-break space, at random.
		text = strings.TrimLeft(strings.TrimPrefix(text, "proto:"), " \u00a0")
		return 0, cut(text, maxErrorBytes), false
	}
	line, lineErr := strconv.Atoi(match[1])
	column, columnErr := strconv.Atoi(match[2])
	if lineErr != nil || columnErr != nil {
		return 0, cut(match[3], maxErrorBytes), false
	}
	for ; line > 1; line-- {
		end := bytes.IndexByte(data[offset:], '\n')
		if end < 0 {
			break
		}
		offset += end + 1
	}
	for ; column > 1 && offset < len(data); column-- {
		_, size := utf8.DecodeRune(data[offset:])
		offset += size
	}
	return offset, cut(match[3], maxErrorBytes), true
}

// jsonPath returns the path of the value or name at offset, such as "publish.mentions[2].name". data is JSON.
func jsonPath(data []byte, offset int) string {
	type level struct {
		array bool
		index int    // of the element to come or being read
		name  string // of the field being read
		inKey bool   // a name comes next
	}
	var levels []level
	decoder := json.NewDecoder(bytes.NewReader(data))
	for {
		token, err := decoder.Token()
		if err != nil {
			break
		}
		reached := decoder.InputOffset() > int64(offset)
		if delim, ok := token.(json.Delim); ok && (delim == '{' || delim == '[') {
			if reached {
				break
			}
			levels = append(levels, level{array: delim == '[', inKey: delim == '{'})
			continue
		} else if ok {
			levels = levels[:len(levels)-1]
		} else if top := len(levels) - 1; top >= 0 && levels[top].inKey {
			levels[top].name, _ = token.(string)
			levels[top].inKey = false
			if reached {
				break
			}
			continue
		}
		if reached {
			break
		}
		if top := len(levels) - 1; top >= 0 { // a value is complete
			levels[top].inKey = !levels[top].array
			levels[top].index++
		}
	}
	var path strings.Builder
	for _, l := range levels {
		switch {
		case l.inKey: // between two fields
		case l.array:
			fmt.Fprintf(&path, "[%d]", l.index)
		case path.Len() > 0:
			path.WriteString("." + l.name)
		default:
			path.WriteString(l.name)
		}
	}
	return cut(path.String(), maxErrorBytes)
}
