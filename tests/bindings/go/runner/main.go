// The runner of Go: reads scenarios and carries them out, line by line.
// README.md one folder up has the words.
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"suite/suite"
	"wws"
)

// A line of a scenario, taken apart.
type line struct {
	number  int
	words   []string
	options map[string]string
}

// word is that of a number, or nothing.
func (l *line) word(index int) string {
	if index < len(l.words) {
		return l.words[index]
	}
	return ""
}

func parse(number int, text string) *line {
	l := &line{number: number, options: map[string]string{}}
	for i, word := range strings.Fields(text) {
		name, value, is := strings.Cut(word, "=")
		if i > 0 && is {
			l.options[name] = value
		} else {
			l.words = append(l.words, word)
		}
	}
	return l
}

// A scenario is a heading and its steps.
type scenario struct {
	heading *line
	steps   []*line
}

func read(path string) ([]*scenario, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var all []*scenario
	scanner := bufio.NewScanner(file)
	for number := 1; scanner.Scan(); number++ {
		l := parse(number, scanner.Text())
		switch {
		case len(l.words) == 0 || l.words[0] == "#":
		case l.words[0] == "scenario":
			all = append(all, &scenario{heading: l})
		default:
			last := all[len(all)-1]
			last.steps = append(last.steps, l)
		}
	}
	return all, scanner.Err()
}

// run is a scenario that is carried out.
type run struct {
	transport wws.Transport
	scheme    string
	name      string // of the transport
	controls  *object
	url       string
	objects   map[string]*object
	works     map[string][]*work
	stopped   time.Time
	told      bool
	result    result
}

// A result is what is reported.
type result struct {
	status          wws.Status
	phase, progress string
	from, ended     time.Time
}

func (r *run) carryOut(s *scenario) (number int, err error) {
	begin := &line{words: []string{"host", "Begin", r.name}}
	if err = r.start("service", begin.words, begin); err != nil {
		return
	}
	if _, err = r.await("service", "WWS_S_OK", begin); err != nil {
		return
	}
	r.url = suite.Text(r.works["service"][0].reply)
	for _, l := range s.steps {
		number = l.number
		if word := l.words[0]; strings.HasSuffix(word, ":") {
			if word != r.name+":" {
				continue
			}
			l.words = l.words[1:]
		}
		if err = r.step(l); err != nil {
			return
		}
	}
	return
}

func (r *run) clear() {
	for _, all := range r.works {
		for _, w := range all {
			w.stop()
			<-w.over
		}
	}
	for _, o := range r.objects {
		o.free()
	}
}

func report(r *run, name string, number int, err error) {
	if err != nil {
		fmt.Println("FAILED", name, number, err)
		return
	}
	took := r.result.ended.Sub(r.result.from)
	fmt.Println("ok", name, r.result.status.String(), r.result.phase, r.result.progress, took.Microseconds())
}

// perform carries out all that are wanted; how many passed and failed.
func perform(all []*scenario, transport, only string, controls *object) (passed, failed int) {
	for _, s := range all {
		name := s.heading.word(1)
		over, limited := s.heading.options["over"]
		if (limited && over != transport) || (only != "" && only != name) {
			continue
		}
		if strings.Contains(","+s.heading.options["skip"]+",", ",go,") {
			fmt.Println("skipped", name)
			continue
		}
		r := &run{name: transport, controls: controls,
			objects: map[string]*object{}, works: map[string][]*work{},
			result: result{phase: "-", progress: "-"}}
		r.transport, r.scheme = suite.Transport(transport)
		number, err := r.carryOut(s)
		r.clear()
		report(r, name, number, err)
		if err == nil {
			passed++
		} else {
			failed++
		}
	}
	return
}

func openControls(url string) (*object, error) {
	proxy, err := wws.NewServiceProxy(nil)
	if err == nil {
		err = proxy.Open(context.Background(), url)
	}
	return &object{proxy: proxy}, err
}

func main() {
	if len(os.Args) < 4 {
		fmt.Fprintln(os.Stderr, "usage: runner URL SCENARIOS TRANSPORT [NAME]")
		os.Exit(2)
	}
	all, err := read(os.Args[2])
	only := strings.Join(os.Args[4:], "")
	controls, controlsErr := openControls(os.Args[1])
	if err != nil || controlsErr != nil {
		fmt.Fprintln(os.Stderr, "runner:", err, controlsErr)
		os.Exit(2)
	}
	passed, failed := perform(all, os.Args[3], only, controls)
	fmt.Printf("%d passed, %d failed\n", passed, failed)
	controls.free()
	if wws.DefaultRuntime.Close(suite.Patience) != nil || failed > 0 || passed == 0 {
		os.Exit(1)
	}
}
