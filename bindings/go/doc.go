// Package wws calls and hosts SOAP services whose every pending operation can be
// stopped. It stands on libwws, which has the object model and the cancellation
// semantics of Windows Web Services.
//
// # Waiting
//
// Every method that waits takes a context first and holds no thread: ten
// thousand goroutines may wait at once. When the context ends, what the method
// does is ended, too, by the function that its comment names. It then returns an
// error that errors.Is finds context.Canceled or context.DeadlineExceeded in,
// and that says how far the work had come; for a deadline it is ErrTimedOut. A
// result that came first wins: the method returns it as if nothing had
// happened. A context that is over before the start costs no I/O.
//
// Control comes back at once, but for what must wait for others - closing a
// host waits for its operations: then it comes back after 50 ms at the latest,
// and the rest happens without the caller. An operation that closes its own host
// waits for itself. Runtime.Close alone waits on a thread.
//
// # Errors
//
// All errors are of type *Error. errors.Is knows each status by a name of its
// own, as ErrEndpointNotFound; errors.As finds the *Fault that a service has
// answered with. Progress and Phase say how far a request got, and what was
// being done: ProgressNotSent makes it certain that the other side has not acted
// on it. Functions that find nothing return End, which errors.Is takes for
// io.EOF.
//
// # Serving
//
// An operation is served by a function on a goroutine of its own. Its context
// ends when nobody wants the answer any more: the client has gone away, or the
// host was aborted. It returns the body of the reply, or an error: a *Fault is
// sent as it is, any other becomes a fault that tells the client nothing, and is
// logged to ErrorLog. A panic is such an error, too. The operation is complete
// when the function has returned; who uses it later has ErrHandle.
//
// The library is asked to tell of the cancellation when the context is first
// asked for its end; an operation that has called RegisterForCancel itself is
// told in that way instead.
//
// # Objects
//
// What a New function returns is given back by Free, which never waits and ends
// what is pending, or when it is collected. What has been given callbacks is not
// collected while it may call them: a host serves until it is freed. Everything
// may be used by any goroutine at any time, but for a Message, which is one
// goroutine's. Members of options that are left zero have their defaults; so
// have options that are nil.
package wws
