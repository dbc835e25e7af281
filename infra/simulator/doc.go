// Package simulator is one AWS region of one account, as far as leaked network
// interfaces need it: EC2 and Auto Scaling on their real wire, nodes with a VPC
// CNI, groups that scale in, the way of an event to a function, and the Lambda
// runtime API. Tests, benchmarks and the demo use it; nothing shipped imports it.
//
// A [World] has one clock and one seeded random source, both passed in, so one
// seed is one history. Nothing in it runs by itself: due actions wait
// and are played, in the order of their time, whenever the world is touched, or
// while [World.Run] sleeps from one to the next.
//
//	clock := simulator.NewClock(0)                 // or -2*time.Hour: a past to play through
//	w := simulator.New(clock, rand.New(rand.NewPCG(1, seed)), simulator.Options{})
//	vpc := w.AddVPC("10.0.0.0/16")
//	subnet := w.AddSubnet(vpc, "10.0.1.0/24", "a") // subnet ID; zone <region>a
//
//	// Nodes live: they launch, add interfaces, give them back, die at a bad moment.
//	node, err := w.Launch(simulator.Node{Subnet: subnet, CNI: simulator.CNI{Cluster: "blue"}})
//	w.Allocate(node, 2)                            // two interfaces, step by step, in time
//	w.GiveBack(node)
//	w.DieAt(node, simulator.Created)               // and its next allocation leaks
//	w.Terminate(node)
//	w.Stop(node); w.Start(node)                    // hibernation, the CNI's memory included
//	w.Restart(node)                                // only the CNI: what it had in hand is forgotten
//	w.AddGroup(simulator.Group{Name: "asg", Subnets: []string{subnet}, Node: simulator.Node{...}})
//	instances, err := w.ScaleOut("asg", 5)
//	instances = w.ScaleIn("asg", 3)               // each tells its event when it is terminated
//
//	// Odd things are put there as they are.
//	id := w.Seed(simulator.Interface{Subnet: subnet, Description: "aws-K8S-i-..."})
//	i := w.SeedInstance(simulator.Instance{State: "terminated"})
//	w.Update(id, func(eni *simulator.Interface) { ... })
//	w.SetState(i, "stopped")
//
//	// Time passes.
//	w.After(time.Minute, func() { ... })           // may call any method of the world
//	w.Advance(2 * time.Hour)                       // plays through it at once
//	go w.Run(ctx)                                  // real time, or a synctest bubble's
//
//	// Clients: net/http's server over the handler, or the handler without sockets.
//	http.Serve(listener, w.Handler())
//	&http.Client{Transport: w.Transport()}
//
//	// Trouble.
//	w.Inject("DeleteNetworkInterface", 3, simulator.Fault{Code: "RequestLimitExceeded", Status: 503})
//	w.OnCall(func(c simulator.Call) simulator.Fault { ... })
//	policy, err := simulator.ParsePolicy(document)
//	w.Allow(accessKey, policy)                     // from then on, this caller needs a permission
//	w.RevokeKey(accessKey)
//
//	// The truth, by what the world knows of each CNI's life, not by tags.
//	w.Interfaces(); w.Interface(id); w.Abandoned(); w.FreeAddresses(subnet)
//	w.Instances(); w.Instance(i); w.Calls()
//
//	// Events to the function.
//	dlq := w.AddQueue(simulator.Queue{Name: "dlq"})
//	queue := w.AddQueue(simulator.Queue{Name: "buffer", Delay: time.Minute, Visibility: 6 * time.Minute, Receives: 5, DeadLetters: dlq})
//	err = w.AddRule(pattern, queue)               // the template's own EventBridge pattern
//	w.AddMapping(simulator.Mapping{Queue: queue, BatchSize: 1000, Window: 15 * time.Second, Concurrency: 2, Invoke: f})
//	w.AddSchedule(time.Minute, f)
//	runtime := simulator.NewRuntime(arn, time.Minute) // runtime.Handler(), runtime.Invoke
//	w.Invocations(); w.Emit(event); queue.Send(body); queue.Messages(); dlq.Redrive()
package simulator
