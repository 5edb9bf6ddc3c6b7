package snapshot

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"reflect"
	"sync"
	"time"
)

var fieldsOf sync.Map // reflect.Type → []reflect.StructField

var errShort = errors.New("the snapshot ends too early")

// Decode reads what [Encode] wrote into the value that v points to, which must
// be empty and of the same type.
func Decode(data []byte, v any) (err error) {
	d := &decoder{in: data}
	defer func() {
		if r := recover(); r != nil { // a length that does not fit
			err = fmt.Errorf("the snapshot is damaged: %v", r)
		}
	}()
	if err := d.table(); err != nil {
		return err
	}
	if err := d.value(reflect.ValueOf(v).Elem()); err != nil {
		return err
	}
	if len(d.in) > 0 {
		return errors.New("the snapshot goes on after its end")
	}
	return nil
}

type decoder struct {
	in    []byte
	texts []string
	seen  []reflect.Value
}

// table reads the texts, which share one piece of memory.
func (d *decoder) table() error {
	n := d.uint()
	if n > uint64(len(d.in)) {
		return errShort
	}
	lengths, total := make([]uint64, n), uint64(0)
	for i := range lengths {
		lengths[i] = d.uint()
		total += lengths[i]
	}
	all := string(d.take(total))
	d.texts = make([]string, n)
	for i, length := range lengths {
		d.texts[i], all = all[:length], all[length:]
	}
	return nil
}

func (d *decoder) uint() uint64 {
	n, size := binary.Uvarint(d.in)
	if size <= 0 {
		panic(errShort)
	}
	d.in = d.in[size:]
	return n
}

func (d *decoder) int() int64 {
	n, size := binary.Varint(d.in)
	if size <= 0 {
		panic(errShort)
	}
	d.in = d.in[size:]
	return n
}

func (d *decoder) take(n uint64) []byte {
	if n > uint64(len(d.in)) {
		panic(errShort)
	}
	b := d.in[:n]
	d.in = d.in[n:]
	return b
}

func (d *decoder) value(v reflect.Value) error {
	if v.Type() == timeType {
		return d.time((*time.Time)(pointer(v)))
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(d.uint() != 0)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(d.int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(d.uint())
	case reflect.Float32, reflect.Float64:
		v.SetFloat(math.Float64frombits(binary.BigEndian.Uint64(d.take(8))))
	case reflect.String:
		v.SetString(d.texts[d.uint()])
	case reflect.Slice:
		return d.slice(v)
	case reflect.Array:
		return d.elements(v)
	case reflect.Map:
		return d.mapping(v)
	case reflect.Struct:
		for _, field := range fields(v.Type()) {
			if err := d.value(at(v, field)); err != nil {
				return err
			}
		}
	case reflect.Pointer:
		return d.pointer(v)
	case reflect.Interface:
		name := d.texts[d.uint()]
		if name == "" {
			return nil
		}
		t, known := registered[name]
		if !known || !t.AssignableTo(v.Type()) {
			return fmt.Errorf("the snapshot is damaged: it holds a %q", name)
		}
		held := reflect.New(t).Elem()
		if err := d.value(held); err != nil {
			return err
		}
		v.Set(held)
	default:
		return fmt.Errorf("a snapshot holds no value of type %s", v.Type())
	}
	return nil
}

func (d *decoder) time(t *time.Time) error {
	if n := d.uint(); n > 0 {
		return t.UnmarshalBinary(d.take(n))
	}
	seconds := d.int()
	*t = time.Unix(seconds, int64(d.uint())).UTC()
	return nil
}

func (d *decoder) slice(v reflect.Value) error {
	n := d.uint()
	if n == 0 {
		return nil
	}
	if n-1 > uint64(len(d.in)) && v.Type().Elem().Size() > 0 {
		return errShort
	}
	v.Set(reflect.MakeSlice(v.Type(), int(n-1), int(n-1)))
	if raw, ok := column(v); ok {
		copy(raw, d.take(uint64(len(raw))))
		return nil
	}
	return d.elements(v)
}

func (d *decoder) elements(v reflect.Value) error {
	for i := range v.Len() {
		if err := d.value(v.Index(i)); err != nil {
			return err
		}
	}
	return nil
}

func (d *decoder) mapping(v reflect.Value) error {
	n := d.uint()
	if n == 0 {
		return nil
	}
	if n-1 > uint64(len(d.in)) {
		return errShort
	}
	v.Set(reflect.MakeMapWithSize(v.Type(), int(n-1)))
	for range n - 1 {
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		if err := errors.Join(d.value(key), d.value(value)); err != nil {
			return err
		}
		v.SetMapIndex(key, value)
	}
	return nil
}

func (d *decoder) pointer(v reflect.Value) error {
	id := d.uint()
	switch {
	case id == 0:
		return nil
	case id <= uint64(len(d.seen)):
		known := d.seen[id-1]
		if known.Type() != v.Type() {
			return errors.New("the snapshot is damaged: a pointer leads to a value of another type")
		}
		v.Set(known)
		return nil
	case id > uint64(len(d.seen))+1:
		return errors.New("the snapshot is damaged: a pointer leads nowhere")
	}
	fresh := reflect.New(v.Type().Elem())
	d.seen = append(d.seen, fresh)
	v.Set(fresh)
	return d.value(fresh.Elem())
}
