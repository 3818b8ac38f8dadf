//! A thousand connections between fifty hosts over 2 % loss, for an hour, twice the same; and the
//! recording of it replays to the same bytes.
//! Without optimisation it is five minutes.

use danja_test::World;
use danja_test::danja::record::{Heard, Replay};
use danja_test::danja::tokio::{TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;
use std::{fs, io};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep, sleep_until};

const HOSTS: usize = 50;
const CONNECTIONS: usize = 1000;
const LASTS: Duration = Duration::from_secs(if cfg!(debug_assertions) { 300 } else { 3600 });
/// Of one connection, between two questions.
const PAUSE: Duration = Duration::from_secs(15);

async fn serve(world: World, host: usize) -> io::Result<()> {
    let listener = TcpListener::bind(&world.host(&format!("host{host}")), "0.0.0.0:80").await?;
    loop {
        let (mut stream, _) = listener.accept().await?;
        tokio::spawn(async move {
            let mut question = [0; 4];
            while stream.read_exact(&mut question).await.is_ok() {
                let length = u32::from_be_bytes(question) as usize;
                stream.write_all(&vec![question[3]; length]).await?;
            }
            io::Result::Ok(())
        });
    }
}

/// Asks again and again for some bytes; says how often.
async fn ask(world: World, number: usize, until: Instant) -> io::Result<u64> {
    let from = world.host(&format!("host{}", number % HOSTS));
    let to = (number + 1 + number / HOSTS) % HOSTS;
    sleep(PAUSE * number as u32 / CONNECTIONS as u32).await;
    let mut stream = TcpStream::connect(&from, format!("host{to}:80")).await?;
    let mut asked = 0;
    let mut at = Instant::now();
    while at < until {
        let length = (number * 37 + asked as usize * 101) % 4000 + 1;
        let question = (length as u32).to_be_bytes();
        stream.write_all(&question).await?;
        let mut answer = vec![0; length];
        stream.read_exact(&mut answer).await?;
        assert!(answer.iter().all(|byte| *byte == question[3]));
        asked += 1;
        at += PAUSE;
        sleep_until(at).await;
    }
    Ok(asked)
}

fn run(recording: Option<&Path>) -> (u64, u64, u64) {
    let settings = World::builder().loss(0.02).delay(Duration::from_millis(20)).seed(7);
    let mut settings = settings.watchdog(LASTS * 2).capture_limit(1 << 20);
    if let Some(file) = recording {
        settings = settings.record(file);
    }
    settings.run(async |world: World| {
        let until = Instant::now() + LASTS;
        for host in 0..HOSTS {
            tokio::spawn(serve(world.clone(), host));
        }
        let clients =
            (0..CONNECTIONS).map(|number| tokio::spawn(ask(world.clone(), number, until)));
        let mut asked = 0;
        for client in clients.collect::<Vec<_>>() {
            asked += client.await.unwrap().unwrap();
        }
        (asked, world.packets(), world.digest())
    })
}

#[test]
#[allow(clippy::print_stdout, reason = "the figure that is asked for")]
fn an_hour_of_a_thousand_connections_twice_and_replayed() {
    let begin = std::time::Instant::now();
    let first = run(None);
    let took = begin.elapsed();
    let (asked, packets, digest) = first;
    println!("{LASTS:?} took {took:?}: {asked} answers, {packets} packets, digest {digest:016x}");
    assert!(asked >= CONNECTIONS as u64 * (LASTS.as_secs() / PAUSE.as_secs() - 1));

    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("thousand.rec");
    let begin = std::time::Instant::now();
    assert_eq!(first, run(Some(&file)));
    let (recorded, size) = (begin.elapsed(), fs::metadata(&file).unwrap().len());
    let (begin, mut frames) = (std::time::Instant::now(), 0);
    let replay = Replay::open(&file).unwrap();
    let report = replay.run(|heard| frames += u64::from(matches!(heard, Heard::Frame(_)))).unwrap();
    let replayed = begin.elapsed();
    fs::remove_file(&file).unwrap();
    let inputs: u64 = report.hosts.iter().map(|host| host.inputs).sum();
    println!("recorded in {recorded:?}, {size} bytes; {inputs} inputs replayed in {replayed:?}");
    assert_eq!(report.difference, None);
    assert!(report.complete);
    assert_eq!((report.hosts.len(), frames), (HOSTS, packets));
}
