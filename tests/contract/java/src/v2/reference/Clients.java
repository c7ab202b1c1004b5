package reference;

import com.google.gson.Gson;
import com.google.gson.JsonElement;
import com.google.gson.reflect.TypeToken;
import com.xxl.job.core.biz.AdminBiz;
import com.xxl.job.core.biz.ExecutorBiz;
import com.xxl.job.core.biz.client.AdminBizClient;
import com.xxl.job.core.biz.client.ExecutorBizClient;
import com.xxl.job.core.biz.model.HandleCallbackParam;
import com.xxl.job.core.biz.model.IdleBeatParam;
import com.xxl.job.core.biz.model.KillParam;
import com.xxl.job.core.biz.model.LogParam;
import com.xxl.job.core.biz.model.RegistryParam;
import com.xxl.job.core.biz.model.TriggerParam;
import java.util.List;

/** The reference clients as they are before 3.3. */
final class Clients {
    private static final Gson GSON = new Gson();
    private final ExecutorBiz executor;
    private final AdminBiz admin;

    Clients(String url, String token) {
        executor = new ExecutorBizClient(url, token);
        admin = new AdminBizClient(url, token);
    }

    Object call(String op, JsonElement args) {
        return switch (op) {
            case "beat" -> executor.beat();
            case "idleBeat" -> executor.idleBeat(GSON.fromJson(args, IdleBeatParam.class));
            case "run" -> executor.run(GSON.fromJson(args, TriggerParam.class));
            case "kill" -> executor.kill(GSON.fromJson(args, KillParam.class));
            case "log" -> executor.log(GSON.fromJson(args, LogParam.class));
            case "registry" -> admin.registry(GSON.fromJson(args, RegistryParam.class));
            case "registryRemove" -> admin.registryRemove(GSON.fromJson(args, RegistryParam.class));
            case "callback" -> admin.callback(GSON.fromJson(args, callbacks()));
            default -> throw new IllegalArgumentException(op);
        };
    }

    private static TypeToken<List<HandleCallbackParam>> callbacks() {
        return new TypeToken<>() {};
    }
}
