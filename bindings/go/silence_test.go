package wws

import (
	"io"
	"log"
)

var silence = log.New(io.Discard, "", 0)
