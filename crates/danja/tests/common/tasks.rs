//! A small executor: one thread, tasks woken one by one, wake-ups counted.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Wake, Waker};

type Task = Pin<Box<dyn Future<Output = ()>>>;

#[derive(Default)]
struct Queue {
    ready: Mutex<VecDeque<usize>>,
    filled: Condvar,
    wakes: AtomicUsize,
}

struct Handle {
    queue: Arc<Queue>,
    task: usize,
}

impl Wake for Handle {
    fn wake(self: Arc<Self>) {
        self.queue.wakes.fetch_add(1, Ordering::Relaxed);
        let mut ready = self.queue.ready.lock().unwrap();
        if !ready.contains(&self.task) {
            ready.push_back(self.task);
        }
        self.queue.filled.notify_one();
    }
}

/// Runs all tasks to their end; says how many wake-ups there were.
pub(crate) fn run(tasks: Vec<Task>) -> usize {
    let queue = Arc::new(Queue::default());
    queue.ready.lock().unwrap().extend(0..tasks.len());
    let wakers: Vec<_> = (0..tasks.len())
        .map(|task| Waker::from(Arc::new(Handle { queue: Arc::clone(&queue), task })))
        .collect();
    let mut tasks: Vec<Option<Task>> = tasks.into_iter().map(Some).collect();
    let mut left = tasks.len();
    while left > 0 {
        let mut ready = queue.ready.lock().unwrap();
        while ready.is_empty() {
            ready = queue.filled.wait(ready).unwrap();
        }
        let next = ready.pop_front().unwrap();
        drop(ready);
        let Some(task) = &mut tasks[next] else { continue };
        if task.as_mut().poll(&mut Context::from_waker(&wakers[next])).is_ready() {
            tasks[next] = None;
            left -= 1;
        }
    }
    queue.wakes.load(Ordering::Relaxed)
}
