//! faktory-rs, with a handler that does nothing but count.
mod meter;

use faktory::Worker;
use meter::Meter;
use std::io;

#[tokio::main]
async fn main() {
    let concurrency = number("CONCURRENCY") as usize;
    let meter = Meter::start(number("JOBS"), number("SECONDS"));
    let mut worker = Worker::builder::<io::Error>()
        .workers(concurrency)
        .register_fn("noop", move |_job| async move {
            meter.job();
            Ok(())
        })
        .connect()
        .await
        .expect("HELLO");
    worker.run(&["default"]).await.expect("run");
}

fn number(name: &str) -> u64 {
    std::env::var(name).expect(name).parse().expect(name)
}
