//! A small executor: any number of tasks on one thread. What wakes them is the hosts' business.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, JoinHandle};

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Runs tasks until it is dropped.
pub(super) struct Tasks {
    queue: Arc<Queue>,
    thread: Option<JoinHandle<()>>,
}

/// Gives an executor further tasks.
#[derive(Clone)]
pub(super) struct Spawner(Weak<Queue>);

#[derive(Default)]
struct Queue {
    ready: Mutex<Ready>,
    changed: Condvar,
}

#[derive(Default)]
struct Ready {
    tasks: VecDeque<Arc<Task>>,
    stopped: bool,
}

struct Task {
    work: Mutex<Option<Work>>,
    /// In the queue, or about to be polled.
    queued: AtomicBool,
    queue: Weak<Queue>,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Ready> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, task: Arc<Task>) {
        let mut ready = self.lock();
        if !ready.stopped {
            ready.tasks.push_back(task);
            self.changed.notify_one();
        }
    }

    fn next(&self) -> Option<Arc<Task>> {
        let mut ready = self.lock();
        loop {
            if ready.stopped {
                return None;
            }
            if let Some(task) = ready.tasks.pop_front() {
                return Some(task);
            }
            ready = self.changed.wait(ready).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn run(&self) {
        while let Some(task) = self.next() {
            task.queued.store(false, Ordering::SeqCst);
            let mut work = task.work.lock().unwrap_or_else(PoisonError::into_inner);
            let waker = Waker::from(Arc::clone(&task));
            let done = work.as_mut().is_none_or(|work| {
                matches!(work.as_mut().poll(&mut Context::from_waker(&waker)), Poll::Ready(()))
            });
            if done {
                *work = None;
            }
        }
    }
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        if !self.queued.swap(true, Ordering::SeqCst)
            && let Some(queue) = self.queue.upgrade()
        {
            queue.push(self);
        }
    }
}

impl Tasks {
    /// Starts the thread.
    ///
    /// # Errors
    /// There is none to be had.
    pub(super) fn start() -> io::Result<Self> {
        let queue = Arc::new(Queue::default());
        let run = Arc::clone(&queue);
        let thread =
            thread::Builder::new().name("danja splice".to_owned()).spawn(move || run.run())?;
        Ok(Self { queue, thread: Some(thread) })
    }

    pub(super) fn spawner(&self) -> Spawner {
        Spawner(Arc::downgrade(&self.queue))
    }
}

impl Spawner {
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        if let Some(queue) = self.0.upgrade() {
            let work = Mutex::new(Some(Box::pin(work) as Work));
            let queued = AtomicBool::new(true);
            queue.push(Arc::new(Task { work, queued, queue: self.0.clone() }));
        }
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        let mut ready = self.queue.lock();
        ready.stopped = true;
        let left = std::mem::take(&mut ready.tasks);
        drop(ready);
        drop(left);
        self.queue.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn tasks_run_wake_each_other_and_end() {
        let tasks = Tasks::start().unwrap();
        let (done, ended) = mpsc::channel();
        for number in 0..100 {
            let done = done.clone();
            let mut left = 10;
            tasks.spawner().spawn(std::future::poll_fn(move |context| {
                if left == 0 {
                    let _ = done.send(number);
                    return Poll::Ready(());
                }
                left -= 1;
                context.waker().wake_by_ref();
                Poll::Pending
            }));
        }
        let mut numbers: Vec<i32> = (0..100).map(|_| ended.recv().unwrap()).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (0..100).collect::<Vec<_>>());
    }
}
