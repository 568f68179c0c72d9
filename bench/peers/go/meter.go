// The same as ../meter.mjs: warm-up is the first fifth, one JSON line at the end.
package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	warmUp      = 0.2
	sampleEvery = 100 * time.Millisecond
	firstJob    = 40 * time.Second
)

type mark struct {
	done      int64
	at        time.Time
	cpuMicros int64
}

type meter struct {
	jobs, warmAt int64
	limit        time.Duration
	startedAt    time.Time
	done         atomic.Int64
	first        atomic.Pointer[time.Time]

	mutex   sync.Mutex
	warm    *mark
	samples [][2]int64
}

func startMeter(jobs, seconds int) *meter {
	m := &meter{
		jobs:      int64(jobs),
		warmAt:    int64(math.Ceil(float64(jobs) * warmUp)),
		limit:     time.Duration(seconds) * time.Second,
		startedAt: time.Now(),
		samples:   [][2]int64{{0, 0}},
	}
	go m.watch()
	return m
}

func (m *meter) job() {
	done := m.done.Add(1)
	if done == 1 {
		now := time.Now()
		m.first.Store(&now)
	}
	if done == m.warmAt {
		m.isWarm()
	}
	if done == m.jobs {
		m.end()
	}
}

func (m *meter) watch() {
	for range time.Tick(sampleEvery) {
		m.mutex.Lock()
		m.sample()
		m.mutex.Unlock()
		first := m.first.Load()
		if first == nil {
			if time.Since(m.startedAt) >= m.limit+firstJob {
				m.end()
			}
			continue
		}
		if time.Since(*first) >= time.Duration(float64(m.limit)*warmUp) {
			m.isWarm()
		}
		if time.Since(*first) >= m.limit {
			m.end()
		}
	}
}

func (m *meter) sample() {
	m.samples = append(m.samples, [2]int64{time.Since(m.startedAt).Milliseconds(), m.done.Load()})
}

func (m *meter) isWarm() {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if m.warm == nil {
		m.warm = m.mark()
	}
}

// Never gives the mutex back: whoever else comes to an end waits for the process to be gone.
func (m *meter) end() {
	m.mutex.Lock()
	m.sample()
	to := m.mark()
	from := m.warm
	if from == nil {
		from = to
	}
	line, _ := json.Marshal(map[string]any{
		"jobs":      to.done - from.done,
		"seconds":   to.at.Sub(from.at).Seconds(),
		"cpuMicros": to.cpuMicros - from.cpuMicros,
		"samples":   m.samples,
	})
	fmt.Printf("\n%s\n", line)
	os.Exit(0)
}

func (m *meter) mark() *mark {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	micros := func(t syscall.Timeval) int64 { return int64(t.Sec)*1e6 + int64(t.Usec) }
	return &mark{m.done.Load(), time.Now(), micros(usage.Utime) + micros(usage.Stime)}
}
