// The official Go client, by hand, and faktory_worker_go on top of it. Ends well, by itself, once Faktory has told the
// worker to terminate; ends with 1 and a word as soon as something is not as the real Faktory has it.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	faktory "github.com/contribsys/faktory/client"
	worker "github.com/contribsys/faktory_worker_go"
)

func main() {
	byHand()
	work()
}

func byHand() {
	client, err := faktory.Open()
	must(err)
	defer client.Close()

	job := faktory.NewJob("byhand", "text <&> é", 1.5, map[string]any{"list": []int{1, 2}}).SetCustom("tenant", 7)
	job.Queue = "go-hand"
	must(client.Push(job))
	fetched, err := client.Fetch("go-empty", "go-hand")
	must(err)
	want(fetched != nil && fetched.Jid == job.Jid && fetched.Args[0] == "text <&> é", "the job pushed", fetched)
	must(client.Ack(fetched.Jid))

	doomed := faktory.NewJob("doomed", "args")
	doomed.Queue = "go-hand"
	must(client.Push(doomed))
	_, err = client.Fetch("go-hand")
	must(err)
	must(client.Fail(doomed.Jid, errors.New("by hand"), nil))
	err = client.Fail(doomed.Jid, errors.New("again"), nil)
	want(err != nil && err.Error() == "ERR Job not found "+doomed.Jid, "Job not found", err)
	must(client.Kill(faktory.Retries, faktory.OfType("doomed")))

	good, bad := faktory.NewJob("add", 1, 2), faktory.NewJob("add", 3, 4)
	fails := faktory.NewJob("fails", "once")
	good.Queue, fails.Queue, bad.Queue = "go", "go", "no such name"
	refused, err := client.PushBulk([]*faktory.Job{good, bad, fails})
	must(err)
	want(len(refused) == 1 && refused[bad.Jid] != "", "one refused", refused)

	must(client.PauseQueues("go"))
	must(client.ResumeQueues("*"))
	sizes, err := client.QueueSizes()
	must(err)
	want(sizes["go"] == 2, "two jobs in the queue", sizes)
	state, err := client.CurrentState()
	must(err)
	want(state.Data.TotalProcessed == 2 && state.Data.TotalFailures == 1, "INFO", state)
}

func work() {
	manager := worker.NewManager()
	manager.ProcessWID = "independent-go"
	manager.Concurrency = 2
	manager.ProcessStrictPriorityQueues("go")
	manager.Register("add", func(ctx context.Context, args ...any) error {
		fmt.Println("ran add", args)
		return nil
	})
	manager.Register("fails", func(ctx context.Context, args ...any) error {
		return errors.New("on purpose")
	})
	must(manager.Run())
}

func must(err error) {
	if err != nil {
		fmt.Println("FAILED:", err)
		os.Exit(1)
	}
}

func want(ok bool, what string, got any) {
	if !ok {
		fmt.Printf("FAILED: wanted %s, got %v\n", what, got)
		os.Exit(1)
	}
}
