package wws_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wws"
)

// The test program run again, to be a process of its own.
const role = "WWS_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(role) {
	case "exit":
		exitWithCallsPending()
	case "version":
		_, err := wws.NewServiceProxy(nil)
		fmt.Println(err)
	default:
		os.Exit(m.Run())
	}
}

func again(t *testing.T, as string, environment ...string) *exec.Cmd {
	t.Helper()
	program, err := os.Executable()
	must(t, err)
	command := exec.Command(program)
	command.Env = append(append(os.Environ(), role+"="+as), environment...)
	command.Stderr = os.Stderr
	return command
}

func exitWithCallsPending() {
	host, err := wws.NewServiceHost(nil)
	check(err)
	entered := make(chan struct{}, 1000)
	check(host.AddEndpoint(&wws.EndpointOptions{
		Address: "net.tcp://127.0.0.1:0/",
		Operations: wws.OperationCallbacks{
			Serve: func(ctx context.Context, _ *wws.Operation) ([]byte, error) {
				done := ctx.Done()
				entered <- struct{}{}
				<-done
				return nil, ctx.Err()
			}},
		Transport:      wws.TransportTCP,
		Encoding:       wws.EncodingUTF8,
		MaxConcurrency: 1000,
	}))
	check(host.Open(context.Background()))
	address, err := host.Address(0)
	check(err)
	proxy, err := wws.NewServiceProxy(&wws.ServiceProxyOptions{
		Transport: wws.TransportTCP, Encoding: wws.EncodingUTF8, MaxPendingCalls: 1000})
	check(err)
	check(proxy.Open(context.Background(), address))
	for i := 0; i < 1000; i++ {
		go func() { _, _ = proxy.Call(context.Background(), "urn:a", nil, nil) }()
	}
	for i := 0; i < 1000; i++ {
		<-entered
	}
	fmt.Println("pending")
	os.Exit(0)
}

func check(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func TestProcess__exits_at_once_with_a_thousand_calls_pending(t *testing.T) {
	command := again(t, "exit")
	output, err := command.StdoutPipe()
	must(t, err)
	must(t, command.Start())
	said := make([]byte, 64)
	size, err := output.Read(said)
	must(t, err)
	begun := time.Now()

	err = command.Wait()

	if text := string(said[:size]); err != nil || text != "pending\n" {
		t.Fatal(text, err)
	}
	if took := time.Since(begun); took > patience/4 {
		t.Fatal(took)
	}
}

func TestProcess__runs_others_with_calls_pending(t *testing.T) {
	serve, entered, release := held(t)
	_, address := hosting(t, wws.TransportHTTP, serve)
	proxy := calling(t, address, nil)
	done := make(chan error, 1)
	go func() {
		_, err := proxy.Call(context.Background(), "urn:a", nil, nil)
		done <- err
	}()
	await(t, entered)

	output, err := exec.Command("ls", "-l", "/proc/self/fd").CombinedOutput()

	must(t, err)
	if strings.Contains(string(output), "eventfd") || strings.Contains(string(output), "socket") {
		t.Fatal("it has inherited from us:\n", string(output))
	}
	release()
	must(t, await(t, done))
}

func TestLibrary__of_an_older_version_is_refused(t *testing.T) {
	compiler, err := exec.LookPath("gcc")
	if err != nil || sanitized {
		t.Skip("no older library can come first")
	}
	folder := t.TempDir()
	source := filepath.Join(folder, "old.c")
	must(t, os.WriteFile(source, []byte("unsigned wws_version(void) { return 0; }\n"), 0o600))
	library := filepath.Join(folder, "old.so")
	must(t, exec.Command(compiler, "-shared", "-fPIC", source, "-o", library).Run())

	output, err := again(t, "version", "LD_PRELOAD="+library).Output()

	must(t, err)
	if text := string(output); !strings.Contains(text, "version 0") ||
		!strings.Contains(text, "version 1") {
		t.Fatal(text)
	}
}
