//! The same as ../../meter.mjs: warm-up is the first fifth, one JSON line at the end.
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

const WARM_UP: f64 = 0.2;
const SAMPLE_EVERY: Duration = Duration::from_millis(100);
const FIRST_JOB: Duration = Duration::from_secs(40);

#[derive(Clone, Copy)]
struct Mark {
    done: u64,
    at: Instant,
    cpu_micros: i64,
}

#[derive(Default)]
struct Marks {
    warm: Option<Mark>,
    samples: Vec<String>,
}

pub struct Meter {
    jobs: u64,
    warm_at: u64,
    limit: Duration,
    started_at: Instant,
    first: OnceLock<Instant>,
    done: AtomicU64,
    marks: Mutex<Marks>,
}

impl Meter {
    pub fn start(jobs: u64, seconds: u64) -> &'static Meter {
        let meter: &'static Meter = Box::leak(Box::new(Meter {
            jobs,
            warm_at: (jobs as f64 * WARM_UP).ceil() as u64,
            limit: Duration::from_secs(seconds),
            started_at: Instant::now(),
            first: OnceLock::new(),
            done: AtomicU64::new(0),
            marks: Mutex::default(),
        }));
        thread::spawn(|| meter.watch());
        meter
    }

    pub fn job(&self) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        if done == 1 {
            let _ = self.first.set(Instant::now());
        }
        if done == self.warm_at {
            self.is_warm();
        }
        if done == self.jobs {
            self.end();
        }
    }

    fn watch(&self) {
        loop {
            thread::sleep(SAMPLE_EVERY);
            self.sample(&mut self.marks.lock().unwrap());
            match self.first.get() {
                None if self.started_at.elapsed() >= self.limit + FIRST_JOB => self.end(),
                Some(first) if first.elapsed() >= self.limit => self.end(),
                Some(first) if first.elapsed() >= self.limit.mul_f64(WARM_UP) => self.is_warm(),
                _ => {}
            }
        }
    }

    fn sample(&self, marks: &mut Marks) {
        let ms = self.started_at.elapsed().as_millis();
        let done = self.done.load(Ordering::Relaxed);
        marks.samples.push(format!("[{ms},{done}]"));
    }

    fn is_warm(&self) {
        let mut marks = self.marks.lock().unwrap();
        marks.warm.get_or_insert_with(|| self.mark());
    }

    /// Never gives the lock back: whoever else comes to an end waits for the process to be gone.
    fn end(&self) -> ! {
        let mut marks = self.marks.lock().unwrap();
        self.sample(&mut marks);
        let to = self.mark();
        let from = marks.warm.unwrap_or(to);
        println!(
            r#"{{"jobs":{},"seconds":{},"cpuMicros":{},"samples":[[0,0],{}]}}"#,
            to.done - from.done,
            (to.at - from.at).as_secs_f64(),
            to.cpu_micros - from.cpu_micros,
            marks.samples.join(",")
        );
        std::process::exit(0);
    }

    fn mark(&self) -> Mark {
        Mark {
            done: self.done.load(Ordering::Relaxed),
            at: Instant::now(),
            cpu_micros: cpu_micros(),
        }
    }
}

fn cpu_micros() -> i64 {
    // SAFETY: all bits zero is a valid rusage, and getrusage fills it.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage
    };
    let micros = |time: libc::timeval| time.tv_sec * 1_000_000 + time.tv_usec;
    micros(usage.ru_utime) + micros(usage.ru_stime)
}
