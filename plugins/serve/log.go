package serve

import (
	"encoding/json"
	"strings"

	"github.com/rs/zerolog"

	"github.com/devstream-io/dtm/plugins/protocol"
)

// logWriter makes events of what a verb says by zerolog.Ctx(ctx).
type logWriter struct{ out *events }

var _ zerolog.LevelWriter = logWriter{}

func (w logWriter) Write(line []byte) (int, error) { return w.WriteLevel(zerolog.NoLevel, line) }

// WriteLevel takes one line of zerolog's JSON.
func (w logWriter) WriteLevel(level zerolog.Level, line []byte) (int, error) {
	said := &protocol.Log{Level: levels(level), Fields: map[string]string{}}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(line, &fields); err != nil {
		said.Text = strings.ToValidUTF8(string(line), replacement)
	}
	for name, value := range fields {
		switch name {
		case zerolog.LevelFieldName:
		case zerolog.MessageFieldName:
			said.Text = plain(value)
		default:
			said.Fields[strings.ToValidUTF8(name, replacement)] = plain(value)
		}
	}
	w.out.send(&protocol.VerbResponse{Event: &protocol.VerbResponse_Log{Log: said}})
	return len(line), nil
}

// plain is the text of a JSON string, and of any other value its JSON.
func plain(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) != nil {
		text = string(value)
	}
	return strings.ToValidUTF8(text, replacement)
}

func levels(level zerolog.Level) protocol.Log_Level {
	switch {
	case level < zerolog.InfoLevel, level == zerolog.NoLevel:
		return protocol.Log_LEVEL_DEBUG
	case level == zerolog.InfoLevel:
		return protocol.Log_LEVEL_INFO
	case level == zerolog.WarnLevel:
		return protocol.Log_LEVEL_WARN
	}
	return protocol.Log_LEVEL_ERROR
}
