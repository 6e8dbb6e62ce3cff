package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
)

// The reply as a program would describe it to encoding/xml.
type envelope struct {
	XMLName xml.Name `xml:"http://www.w3.org/2003/05/soap-envelope Envelope"`
	Body    struct {
		Response *struct {
			Sum int `xml:"sum"`
		} `xml:"urn:bench AddResponse"`
	}
}

const (
	requestHead = `<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" ` +
		`xmlns:a="http://www.w3.org/2005/08/addressing"><s:Header>` +
		`<a:Action>` + action + `</a:Action><a:MessageID>urn:bench:%d</a:MessageID>` +
		`</s:Header><s:Body>`
	requestTail = `</s:Body></s:Envelope>`
)

type add struct {
	XMLName xml.Name `xml:"urn:bench Add"`
	A       int      `xml:"a"`
	B       int      `xml:"b"`
}

// peer is a client of the standard library.
func peer(address string) func() error {
	var messages atomic.Int64
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: flight}}
	return func() error {
		var octets bytes.Buffer
		fmt.Fprintf(&octets, requestHead, messages.Add(1))
		if err := xml.NewEncoder(&octets).Encode(add{A: 2, B: 3}); err != nil {
			return err
		}
		octets.WriteString(requestTail)
		request, err := http.NewRequest(http.MethodPost, address, &octets)
		if err != nil {
			return err
		}
		request.Header.Set("Content-Type", `application/soap+xml; charset=utf-8; action="`+action+`"`)
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		var answer envelope
		if err = xml.NewDecoder(response.Body).Decode(&answer); err != nil {
			return err
		}
		if answer.Body.Response == nil || answer.Body.Response.Sum != 5 {
			return fmt.Errorf("no answer, status %d", response.StatusCode)
		}
		_, err = io.Copy(io.Discard, response.Body)
		return err
	}
}
