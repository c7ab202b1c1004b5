package reference;

import com.xxl.job.core.context.XxlJobHelper;
import com.xxl.job.core.executor.impl.XxlJobSimpleExecutor;
import com.xxl.job.core.handler.annotation.XxlJob;
import java.util.List;

/** A frameless reference executor; arguments: port, Admin URL, log folder, token, app name. */
public final class Executor {
    @XxlJob("demo")
    public void demo() {
        XxlJobHelper.log("demo line");
        XxlJobHelper.handleSuccess("hello " + XxlJobHelper.getJobParam());
    }

    /** The parameter is milliseconds. */
    @XxlJob("sleep")
    public void sleep() throws InterruptedException {
        Thread.sleep(Long.parseLong(XxlJobHelper.getJobParam()));
    }

    @XxlJob("fail")
    public void fail() {
        throw new IllegalStateException("broken on purpose");
    }

    /** The parameter is the number of lines. */
    @XxlJob("log")
    public void log() {
        int lines = Integer.parseInt(XxlJobHelper.getJobParam());
        for (int number = 1; number <= lines; number++) {
            XxlJobHelper.log("own line {}", number);
        }
    }

    @XxlJob("shard")
    public void shard() {
        XxlJobHelper.handleSuccess(
                XxlJobHelper.getShardIndex() + "/" + XxlJobHelper.getShardTotal());
    }

    public static void main(String[] args) throws Exception {
        XxlJobSimpleExecutor executor = new XxlJobSimpleExecutor();
        executor.setAddress("http://127.0.0.1:" + args[0] + "/");
        executor.setIp("127.0.0.1");
        executor.setPort(Integer.parseInt(args[0]));
        executor.setAdminAddresses(args[1]);
        executor.setLogPath(args[2]);
        executor.setAccessToken(args[3]);
        executor.setAppname(args[4]);
        executor.setLogRetentionDays(30);
        executor.setXxlJobBeanList(List.of(new Executor()));
        executor.start();
        System.in.read(); // ends with whoever started it
        System.exit(0);
    }
}
