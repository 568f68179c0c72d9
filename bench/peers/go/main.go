// faktory_worker_go, with a handler that does nothing but count.
package main

import (
	"context"
	"os"
	"strconv"

	worker "github.com/contribsys/faktory_worker_go"
)

func main() {
	manager := worker.NewManager()
	manager.Concurrency = number("CONCURRENCY")
	meter := startMeter(number("JOBS"), number("SECONDS"))
	manager.Register("noop", func(ctx context.Context, args ...any) error {
		meter.job()
		return nil
	})
	manager.ProcessStrictPriorityQueues("default")
	if err := manager.Run(); err != nil {
		panic(err)
	}
}

func number(name string) int {
	value, err := strconv.Atoi(os.Getenv(name))
	if err != nil {
		panic(err)
	}
	return value
}
