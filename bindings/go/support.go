package wws

/*
#cgo pkg-config: wws
#include <stdlib.h>
#include "callbacks.h"
*/
import "C"

import (
	"fmt"
	"math"
	"runtime"
	"sort"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

// Infinite is, as a time, for ever.
const Infinite time.Duration = math.MaxInt64

// Set makes a pointer of a value, for those members of options whose zero value
// is a choice of its own and which are therefore left out by being nil.
func Set[T any](value T) *T {
	return &value
}

// An object is what all types of this package that stand for one of the library
// have in common. The library refuses handles that are stale, so that no state
// has to be kept here; copies are as good as the original.
type object struct {
	owner  *owner // gives the handle back; nil if it is only lent
	lender *owner // what a lent handle must not outlive
	guard  *guard // nil if nothing it holds is ever lent
}

// An owner gives a handle back, once, at the latest when it is collected.
type owner struct {
	once sync.Once
	give func()
	uses []object // what the object was made with, and needs

	passes bool // what is given to it does not keep it
}

// A guard keeps an object as it is while what it has lent is copied.
type guard struct {
	sync.Mutex
	order uint64 // in which several are locked
}

var guards atomic.Uint64

func (o *owner) free() {
	o.once.Do(func() {
		runtime.SetFinalizer(o, nil)
		o.give()
		o.uses = nil
	})
}

func (o object) free() {
	if o.owner == nil {
		return
	}
	if o.guard != nil {
		o.guard.Lock()
		defer o.guard.Unlock()
	}
	o.owner.free()
}

// guarded is for an object whose contents are lent.
func (o object) guarded() object {
	if o.guard == nil {
		o.guard = &guard{order: guards.Add(1)}
	}
	return o
}

// lent is for an object that belongs to this one: it lives as long, and is held
// together with it.
func (o object) lent() object {
	lender := o.owner
	if lender == nil {
		lender = o.lender
	}
	return object{lender: lender, guard: o.guard}
}

// A frame is what one function of the library needs beside its arguments:
// memory that C may keep, an error object, a completion, and the objects that
// must not go away. A frame whose function is pending belongs to the event
// that ends it, whatever became of who waited.
type frame struct {
	done    *C.wws_completion // at the start of the block
	error   C.wws_error
	index   int
	wake    chan C.wws_status
	stage   atomic.Int32
	block   unsafe.Pointer
	used    uintptr
	more    []unsafe.Pointer // what did not fit into the block
	buffers []*C.wws_buffer
	objects []object
	locked  []*guard
	tables  []uintptr // registered on the way
}

// The stages of a frame: its function runs or has returned; its event has come;
// who waited for the event has left, and then either the event has come or the
// caller has gone, whichever was first. Who is second clears up.
const (
	begunStage int32 = iota
	arrivedStage
	leftStage
	lateStage
	goneStage
)

const (
	blockSize   = 1024
	spareFrames = 64
)

// All frames, by their index, which is the state of their completions.
var frames struct {
	sync.Mutex
	all   []*frame
	holes []int
	spare []*frame
}

func begin() *frame {
	_ = ready()
	frames.Lock()
	defer frames.Unlock()
	if last := len(frames.spare) - 1; last >= 0 {
		f := frames.spare[last]
		frames.spare = frames.spare[:last]
		return f
	}
	return newFrame()
}

// newFrame is called with the frames locked.
func newFrame() *frame {
	f := &frame{wake: make(chan C.wws_status, 1), block: C.malloc(blockSize)}
	if last := len(frames.holes) - 1; last >= 0 {
		f.index = frames.holes[last]
		frames.holes = frames.holes[:last]
		frames.all[f.index] = f
	} else {
		f.index = len(frames.all)
		frames.all = append(frames.all, f)
	}
	f.done = place[C.wws_completion](f)
	f.done.struct_size = C.sizeof_wws_completion
	f.done.version = C.WWS_VERSION
	f.done.queue = events.handle
	setState(&f.done.state, uintptr(f.index)<<1)
	C.wws_error_create(&f.error)
	return f
}

// end gives the frame back, unless its event is still to come.
func (f *frame) end() {
	f.unlock()
	if !f.stage.CompareAndSwap(leftStage, goneStage) {
		f.recycle()
	}
}

func (f *frame) recycle() {
	for _, buffer := range f.buffers {
		if buffer.release != nil {
			C.wws_buffer_release(buffer)
		}
	}
	for i, memory := range f.more {
		C.free(memory)
		f.more[i] = nil
	}
	for i := range f.objects {
		f.objects[i] = object{}
	}
	f.buffers, f.more, f.objects = f.buffers[:0], f.more[:0], f.objects[:0]
	f.tables = f.tables[:0]
	f.used = C.sizeof_wws_completion
	if stage := f.stage.Load(); stage == goneStage || stage == lateStage {
		C.wws_error_reset(f.error) // nobody has read it
	}
	f.stage.Store(begunStage)

	frames.Lock()
	defer frames.Unlock()
	if len(frames.spare) < spareFrames {
		frames.spare = append(frames.spare, f)
		return
	}
	frames.all[f.index] = nil
	frames.holes = append(frames.holes, f.index)
	C.wws_error_free(f.error)
	C.free(f.block)
}

// use keeps an object until the function is over.
func (f *frame) use(o object) {
	f.objects = append(f.objects, o)
}

// own makes the object that a handle is given back by. What was used to make
// it lives as long.
func (f *frame) own(give func()) object {
	o := &owner{give: give, uses: append([]object(nil), f.objects...)}
	runtime.SetFinalizer(o, (*owner).free)
	return object{owner: o}
}

// lock holds all objects that the function is about, until it has returned and
// what it lends has been copied. It is the last argument of every function,
// behind all that use an object, and stands for the error object.
func (f *frame) lock() C.wws_error {
	for _, o := range f.objects {
		if o.guard != nil {
			f.locked = append(f.locked, o.guard)
		}
	}
	if len(f.locked) > 1 {
		sort.Slice(f.locked, func(i, j int) bool {
			return f.locked[i].order < f.locked[j].order
		})
	}
	for i, g := range f.locked {
		if i == 0 || g != f.locked[i-1] {
			g.Lock()
		}
	}
	return f.error
}

func (f *frame) unlock() {
	for i, g := range f.locked {
		if i == 0 || g != f.locked[i-1] {
			g.Unlock()
		}
	}
	f.locked = f.locked[:0]
}

// Memory

func (f *frame) alloc(size uintptr) unsafe.Pointer {
	const align = 8
	size = (size + align - 1) &^ (align - 1)
	if size > blockSize-f.used {
		memory := C.calloc(1, C.size_t(size))
		if memory == nil {
			panic("wws: out of memory")
		}
		f.more = append(f.more, memory)
		return memory
	}
	memory := unsafe.Add(f.block, f.used)
	f.used += size
	zeroed := unsafe.Slice((*byte)(memory), size)
	for i := range zeroed {
		zeroed[i] = 0
	}
	return memory
}

// place is where C finds or writes one value.
func place[T any](f *frame) *T {
	var value T
	return (*T)(f.alloc(unsafe.Sizeof(value)))
}

func places[T any](f *frame, count int) []T {
	var value T
	if count <= 0 {
		return nil
	}
	return unsafe.Slice((*T)(f.alloc(uintptr(count)*unsafe.Sizeof(value))), count)
}

// buffer is where C writes octets that it gives away.
func (f *frame) buffer() *C.wws_buffer {
	b := place[C.wws_buffer](f)
	f.buffers = append(f.buffers, b)
	return b
}

// take is for what a function has given, unless it may still be at it.
func (f *frame) take(b *C.wws_buffer) []byte {
	if stage := f.stage.Load(); stage == leftStage || stage == lateStage {
		return nil
	}
	return take(b)
}

func take(b *C.wws_buffer) []byte {
	octets := copied(b.data, b.size)
	if b.release != nil {
		C.wws_buffer_release(b)
	}
	return octets
}

// Values for C

func (f *frame) text(s string) C.wws_string {
	if s == "" {
		return C.wws_string{}
	}
	to := places[byte](f, len(s))
	copy(to, s)
	return C.wws_string{data: (*C.char)(unsafe.Pointer(&to[0])), size: C.size_t(len(s))}
}

func (f *frame) octets(b []byte) C.wws_bytes {
	if len(b) == 0 {
		return C.wws_bytes{}
	}
	to := places[byte](f, len(b))
	copy(to, b)
	return C.wws_bytes{data: unsafe.Pointer(&to[0]), size: C.size_t(len(b))}
}

// moved is a buffer that the library frees.
func (f *frame) moved(b []byte) *C.wws_buffer {
	c := place[C.wws_buffer](f)
	c.data = C.CBytes(b)
	c.size = C.size_t(len(b))
	c.owner = unsafe.Pointer(c.data)
	c.release = (*[0]byte)(C.free)
	return c
}

func (f *frame) texts(all []string) (*C.wws_string, C.size_t) {
	to := places[C.wws_string](f, len(all))
	for i, s := range all {
		to[i] = f.text(s)
	}
	return head(to), C.size_t(len(all))
}

type number interface {
	~int32 | ~uint32 | ~int64 | ~uint64 | ~float64
}

func array[To, From number](f *frame, all []From) (*To, C.size_t) {
	to := places[To](f, len(all))
	for i, value := range all {
		to[i] = To(value)
	}
	return head(to), C.size_t(len(all))
}

func head[T any](all []T) *T {
	if len(all) == 0 {
		return nil
	}
	return &all[0]
}

func first[T any](all []*T) *T {
	if len(all) == 0 {
		return nil
	}
	return all[0]
}

func truth(value bool) C.uint32_t {
	if value {
		return 1
	}
	return 0
}

// milliseconds rounds up, so that no time is too short. A negative one is over
// already, which is not the default.
func milliseconds(d time.Duration) C.uint32_t {
	const most = math.MaxUint32 * time.Millisecond
	if d < 0 {
		return 1
	}
	if d > most-time.Millisecond {
		return C.WWS_INFINITE
	}
	return C.uint32_t((d + time.Millisecond - 1) / time.Millisecond)
}

func duration(ms C.uint32_t) time.Duration {
	if ms == C.WWS_INFINITE {
		return Infinite
	}
	return time.Duration(ms) * time.Millisecond
}

func or[T comparable](value, initial T) T {
	var zero T
	if value == zero {
		return initial
	}
	return value
}

func given[T any](value *T, initial T) T {
	if value == nil {
		return initial
	}
	return *value
}

// setState writes a number where C has a pointer of ours.
func setState(state *unsafe.Pointer, key uintptr) {
	*(*uintptr)(unsafe.Pointer(state)) = key
}

func stateOf(state *unsafe.Pointer) uintptr {
	return *(*uintptr)(unsafe.Pointer(state))
}

// Values of C

func copied(data unsafe.Pointer, size C.size_t) []byte {
	if data == nil {
		return nil
	}
	return append([]byte{}, unsafe.Slice((*byte)(data), size)...)
}

func goOctets(b C.wws_bytes) []byte {
	return copied(b.data, b.size)
}

func goText(s C.wws_string) string {
	if s.data == nil {
		return ""
	}
	return string(unsafe.Slice((*byte)(unsafe.Pointer(s.data)), s.size))
}

func goTexts(all *C.wws_string, count C.size_t) []string {
	var texts []string
	for _, s := range unsafe.Slice(all, count) {
		texts = append(texts, goText(s))
	}
	return texts
}

func lifts[From, To any](all []From, count int, lift func(*From, object) To, o object) []To {
	var lifted []To
	for i := 0; i < count && i < len(all); i++ {
		lifted = append(lifted, lift(&all[i], o))
	}
	return lifted
}

func unknown(name string, value uint32) string {
	return fmt.Sprintf("%s(%d)", name, value)
}
