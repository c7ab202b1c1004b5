package bench;

import com.xxl.job.core.context.XxlJobHelper;
import com.xxl.job.core.executor.impl.XxlJobSimpleExecutor;
import com.xxl.job.core.handler.annotation.XxlJob;
import java.util.List;

/** A frameless reference executor; arguments: port, Admin URL, log folder, token. */
public final class Main {
    @XxlJob("noop")
    public void noop() {
        XxlJobHelper.log("done");
    }

    @XxlJob("brief")
    public void brief() throws InterruptedException {
        XxlJobHelper.log("started");
        Thread.sleep(20);
    }

    @XxlJob("sleeper")
    public void sleeper() throws InterruptedException {
        Thread.sleep(60_000);
    }

    @XxlJob("spin")
    public void spin() {
        long end = System.nanoTime() + 60_000_000_000L;
        while (System.nanoTime() < end) {
            Thread.onSpinWait();
        }
    }

    @XxlJob("block")
    public void block() throws InterruptedException {
        Thread.sleep(5_000);
    }

    @XxlJob("writer")
    public void writer() {
        int lines = Integer.parseInt(XxlJobHelper.getJobParam());
        for (int n = 0; n < lines; n++) {
            XxlJobHelper.log("line {} of {}", n, lines);
        }
    }

    public static void main(String[] args) throws Exception {
        XxlJobSimpleExecutor executor = new XxlJobSimpleExecutor();
        executor.setAddress("http://127.0.0.1:" + args[0] + "/");
        executor.setIp("127.0.0.1");
        executor.setPort(Integer.parseInt(args[0]));
        executor.setAdminAddresses(args[1]);
        executor.setLogPath(args[2]);
        executor.setAccessToken(args[3]);
        executor.setAppname("bench");
        executor.setLogRetentionDays(30);
        executor.setXxlJobBeanList(List.of(new Main()));
        executor.start();
        Runtime.getRuntime().addShutdownHook(new Thread(executor::destroy));
        Thread.currentThread().join();
    }
}
