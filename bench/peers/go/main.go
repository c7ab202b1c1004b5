// An xxl-job-executor-go executor; arguments: port, Admin URL, log folder (unused), token.
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"
	"time"

	xxl "github.com/xxl-job/xxl-job-executor-go"
)

type quiet struct{}

func (quiet) Info(string, ...interface{})  {}
func (quiet) Error(string, ...interface{}) {}

// The package stores no run logs: the line goes where its users send it, to standard output.
func noop(_ context.Context, param *xxl.RunReq) string {
	fmt.Println(param.LogID, "done")
	return "done"
}

func pause(length time.Duration) xxl.TaskFunc {
	return func(ctx context.Context, _ *xxl.RunReq) string {
		select {
		case <-ctx.Done():
		case <-time.After(length):
		}
		return "done"
	}
}

func main() {
	exec := xxl.NewExecutor(
		xxl.ServerAddr(os.Args[2]), xxl.AccessToken(os.Args[4]), xxl.ExecutorIp("127.0.0.1"),
		xxl.ExecutorPort(os.Args[1]), xxl.RegistryKey("bench"), xxl.SetLogger(quiet{}))
	exec.Init()
	// One name per job: the package keeps one task object per handler, so two jobs on one
	// handler mix up their log ids.
	for job := 1001; job <= 1200; job++ {
		exec.RegTask(fmt.Sprintf("noop%d", job), noop)
		exec.RegTask(fmt.Sprintf("brief%d", job), pause(20*time.Millisecond))
		exec.RegTask(fmt.Sprintf("sleeper%d", job), pause(60*time.Second))
		exec.RegTask(fmt.Sprintf("block%d", job), pause(5*time.Second))
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/run", exec.RunTask)
	mux.HandleFunc("/kill", exec.KillTask)
	mux.HandleFunc("/log", exec.TaskLog)
	mux.HandleFunc("/beat", exec.Beat)
	mux.HandleFunc("/idleBeat", exec.IdleBeat)
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Args[1], mux))
}
