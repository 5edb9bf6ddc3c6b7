// Package snapshot writes what is in memory as bytes, and brings it back: any
// graph of structs, pointers, maps, slices and plain values, with fields that are
// not exported, and with pointers that meet in one value.
//
// The same graph always gives the same bytes, so bytes say whether two graphs are
// equal. They are for the program that wrote them: [Shape] tells whether its types
// are still the same. They are trusted: who reads them from a file must know that
// nobody has changed them.
//
// A field with the tag `snapshot:"-"` is left out. Functions, channels, and
// interfaces that hold something that was not registered are refused.
package snapshot

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"
	"unsafe"
)

// Encode writes the value that v points to.
func Encode(v any) ([]byte, error) {
	e := &encoder{texts: map[string]uint64{}, seen: map[place]uint64{}}
	err := e.value(reflect.ValueOf(v).Elem())
	if err != nil {
		return nil, err
	}
	var head []byte
	head = binary.AppendUvarint(head, uint64(len(e.order)))
	for _, text := range e.order {
		head = binary.AppendUvarint(head, uint64(len(text)))
	}
	for _, text := range e.order {
		head = append(head, text...)
	}
	return append(head, e.out...), nil
}

// place is a value in memory: a struct and its first field share an address.
type place struct {
	at unsafe.Pointer
	of reflect.Type
}

type encoder struct {
	out   []byte
	texts map[string]uint64 // each text is written once
	order []string
	seen  map[place]uint64
}

func (e *encoder) uint(n uint64) { e.out = binary.AppendUvarint(e.out, n) }

func (e *encoder) text(s string) {
	id, known := e.texts[s]
	if !known {
		id = uint64(len(e.order))
		e.texts[s] = id
		e.order = append(e.order, s)
	}
	e.uint(id)
}

var timeType = reflect.TypeFor[time.Time]()

func (e *encoder) value(v reflect.Value) error {
	if v.Type() == timeType {
		return e.time(v)
	}
	switch v.Kind() {
	case reflect.Bool:
		e.uint(uint64(*(*byte)(pointer(v))))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		e.out = binary.AppendVarint(e.out, v.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		e.uint(v.Uint())
	case reflect.Float32, reflect.Float64:
		e.out = binary.BigEndian.AppendUint64(e.out, math.Float64bits(v.Float()))
	case reflect.String:
		e.text(v.String())
	case reflect.Slice:
		return e.slice(v)
	case reflect.Array:
		return e.elements(v)
	case reflect.Map:
		return e.mapping(v)
	case reflect.Struct:
		for _, field := range fields(v.Type()) {
			if err := e.value(at(v, field)); err != nil {
				return err
			}
		}
	case reflect.Pointer:
		return e.pointer(v)
	case reflect.Interface:
		if v.IsNil() {
			e.text("")
			return nil
		}
		if _, known := registered[v.Elem().Type().String()]; known {
			e.text(v.Elem().Type().String())
			return e.value(addressable(v.Elem()))
		}
		return fmt.Errorf("a snapshot cannot hold a %s in an interface: register it", v.Elem().Type())
	default:
		return fmt.Errorf("a snapshot cannot hold a value of type %s: leave its field out with the tag snapshot:\"-\"", v.Type())
	}
	return nil
}

// pointer is where an addressable value lies.
func pointer(v reflect.Value) unsafe.Pointer { return v.Addr().UnsafePointer() }

// at is a struct's field, as if it were exported.
func at(v reflect.Value, f reflect.StructField) reflect.Value {
	return reflect.NewAt(f.Type, unsafe.Add(pointer(v), f.Offset)).Elem()
}

// fields lists the fields of a struct that are kept.
func fields(t reflect.Type) []reflect.StructField {
	if known, ok := fieldsOf.Load(t); ok {
		return known.([]reflect.StructField)
	}
	var kept []reflect.StructField
	for i := range t.NumField() {
		if f := t.Field(i); f.Tag.Get("snapshot") != "-" {
			kept = append(kept, f)
		}
	}
	fieldsOf.Store(t, kept)
	return kept
}

func (e *encoder) time(v reflect.Value) error {
	t := *(*time.Time)(pointer(v))
	if _, offset := t.Zone(); offset == 0 {
		e.uint(0)
		e.out = binary.AppendVarint(e.out, t.Unix())
		e.uint(uint64(t.Nanosecond()))
		return nil
	}
	b, err := t.MarshalBinary()
	if err != nil {
		return err
	}
	e.uint(uint64(len(b)))
	e.out = append(e.out, b...)
	return nil
}

// slice writes 0 for nil, or the length and one more.
func (e *encoder) slice(v reflect.Value) error {
	if v.IsNil() {
		e.uint(0)
		return nil
	}
	e.uint(uint64(v.Len()) + 1)
	if raw, ok := column(v); ok {
		e.out = append(e.out, raw...)
		return nil
	}
	return e.elements(v)
}

// column is the memory of a slice of unsigned numbers, which is written as it is.
func column(v reflect.Value) ([]byte, bool) {
	switch v.Type().Elem().Kind() {
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return unsafe.Slice((*byte)(v.UnsafePointer()), v.Len()*int(v.Type().Elem().Size())), true
	}
	return nil, false
}

func (e *encoder) elements(v reflect.Value) error {
	for i := range v.Len() {
		if err := e.value(v.Index(i)); err != nil {
			return err
		}
	}
	return nil
}

// mapping writes keys in their order.
func (e *encoder) mapping(v reflect.Value) error {
	if v.IsNil() {
		e.uint(0)
		return nil
	}
	e.uint(uint64(v.Len()) + 1)
	type pair struct{ key, value reflect.Value }
	pairs := make([]pair, 0, v.Len())
	for it := v.MapRange(); it.Next(); {
		pairs = append(pairs, pair{it.Key(), it.Value()})
	}
	if !sortable(v.Type().Key()) {
		return fmt.Errorf("a snapshot cannot hold a map by %s", v.Type().Key())
	}
	slices.SortFunc(pairs, func(a, b pair) int { return compare(a.key, b.key) })
	for _, p := range pairs {
		if err := errors.Join(e.value(addressable(p.key)), e.value(addressable(p.value))); err != nil {
			return err
		}
	}
	return nil
}

// sortable says whether keys of a type have an order.
func sortable(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.String, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return true
	case reflect.Struct:
		for i := range t.NumField() {
			if !sortable(t.Field(i).Type) {
				return false
			}
		}
		return true
	}
	return false
}

// compare orders two keys.
func compare(a, b reflect.Value) int {
	switch {
	case a.Kind() == reflect.String:
		return cmp.Compare(a.String(), b.String())
	case a.CanInt():
		return cmp.Compare(a.Int(), b.Int())
	case a.CanUint():
		return cmp.Compare(a.Uint(), b.Uint())
	}
	for i := range a.NumField() {
		if order := compare(a.Field(i), b.Field(i)); order != 0 {
			return order
		}
	}
	return 0
}

var registered = map[string]reflect.Type{}

// Register lets interfaces hold values of the types of these. Call it while the
// program starts.
func Register[T any](values ...T) {
	for _, v := range values {
		registered[reflect.TypeOf(v).String()] = reflect.TypeOf(v)
	}
}

// addressable is a copy of a map's key or value.
func addressable(v reflect.Value) reflect.Value {
	c := reflect.New(v.Type()).Elem()
	c.Set(v)
	return c
}

// pointer writes 0 for nil, or the number of the value and one more, and the
// value itself where it comes first.
func (e *encoder) pointer(v reflect.Value) error {
	if v.IsNil() {
		e.uint(0)
		return nil
	}
	key := place{v.UnsafePointer(), v.Type()}
	id, known := e.seen[key]
	if !known {
		id = uint64(len(e.seen)) + 1
		e.seen[key] = id
	}
	e.uint(id)
	if known {
		return nil
	}
	return e.value(v.Elem())
}

// Shape is a digest of a value's type and all that it is made of.
func Shape(v any) [sha256.Size]byte {
	var text strings.Builder
	seen := map[reflect.Type]bool{}
	var describe func(t reflect.Type)
	describe = func(t reflect.Type) {
		fmt.Fprintf(&text, "%s %s\n", t, t.Kind())
		if seen[t] || t == timeType {
			return
		}
		seen[t] = true
		switch t.Kind() {
		case reflect.Interface:
			for _, name := range slices.Sorted(maps.Keys(registered)) {
				describe(registered[name])
			}
		case reflect.Pointer, reflect.Slice, reflect.Array:
			describe(t.Elem())
		case reflect.Map:
			describe(t.Key())
			describe(t.Elem())
		case reflect.Struct:
			for _, f := range fields(t) {
				text.WriteString(f.Name + " ")
				describe(f.Type)
			}
		}
	}
	describe(reflect.TypeOf(v))
	return sha256.Sum256([]byte(text.String()))
}
