// Package suite has what host and runner say to each other: bodies of one
// element with text in it.
package suite

import (
	"fmt"
	"strings"
	"time"

	"wws"
)

// Namespace is that of all bodies and actions.
const Namespace = "urn:suite"

// Patience is how long anything may take.
const Patience = 10 * time.Second

// Body is an element of that name with text in it.
func Body(name, text string) []byte {
	return []byte(fmt.Sprintf(`<%s xmlns="%s">%s</%s>`, name, Namespace, text, name))
}

// Text is what stands between the first > and the next <.
func Text(body []byte) string {
	_, rest, _ := strings.Cut(string(body), ">")
	text, _, closed := strings.Cut(rest, "<")
	if !closed {
		return ""
	}
	return text
}

// Transport is that of a name, and the scheme of its URLs.
func Transport(name string) (wws.Transport, string) {
	if name == "tcp" {
		return wws.TransportTCP, "net.tcp"
	}
	return wws.TransportHTTP, "http"
}
