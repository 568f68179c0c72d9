//! faktory-rs: a client by hand, and a worker. Ends well, by itself, once Faktory has told the worker to terminate; panics
//! as soon as something is not as the real Faktory has it.
use faktory::mutate::{Filter, JobSet};
use faktory::{Client, JobBuilder, Worker, WorkerId};
use std::io;

#[tokio::main]
async fn main() {
    by_hand().await;
    work().await;
}

async fn by_hand() {
    let mut client = Client::connect().await.expect("connect");
    client
        .enqueue(
            JobBuilder::new("later")
                .args(vec!["text <&> é"])
                .queue("rust")
                .at("2099-01-01T00:00:00Z".parse().ok())
                .build(),
        )
        .await
        .expect("PUSH");
    client
        .kill(JobSet::Scheduled, &Filter::from_kind("later"))
        .await
        .expect("MUTATE");
    let (stored, refused) = client
        .enqueue_many([
            JobBuilder::new("add")
                .args(vec![1, 2])
                .queue("rust")
                .add_to_custom_data("tenant", 7)
                .build(),
            JobBuilder::new("add")
                .args(vec![3, 4])
                .queue("no such name")
                .build(),
            JobBuilder::new("fails")
                .args(vec!["once"])
                .queue("rust")
                .build(),
        ])
        .await
        .expect("PUSHB");
    assert_eq!((stored, refused.map(|errors| errors.len())), (2, Some(1)));
    client.queue_pause(&["rust"]).await.expect("QUEUE PAUSE");
    client.queue_resume_all().await.expect("QUEUE RESUME");
    let info = client.current_info().await.expect("INFO");
    assert_eq!(info.data.queues["rust"], 2);
}

async fn work() {
    let mut worker = Worker::builder::<io::Error>()
        .wid(WorkerId::new("independent-rust"))
        .workers(2)
        .register_fn("add", |job| async move {
            println!("ran add {:?}", job.args());
            Ok(())
        })
        .register_fn("fails", |_job| async move {
            Err(io::Error::other("on purpose"))
        })
        .connect()
        .await
        .expect("HELLO");
    let stopped = worker.run(&["rust"]).await.expect("run");
    println!("stopped: {:?}", stopped.reason);
}
