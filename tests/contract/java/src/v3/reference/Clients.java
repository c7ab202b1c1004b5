package reference;

import com.google.gson.Gson;
import com.google.gson.JsonElement;
import com.google.gson.reflect.TypeToken;
import com.xxl.job.core.constant.Const;
import com.xxl.job.core.openapi.AdminBiz;
import com.xxl.job.core.openapi.ExecutorBiz;
import com.xxl.job.core.openapi.model.CallbackRequest;
import com.xxl.job.core.openapi.model.IdleBeatRequest;
import com.xxl.job.core.openapi.model.KillRequest;
import com.xxl.job.core.openapi.model.LogRequest;
import com.xxl.job.core.openapi.model.RegistryRequest;
import com.xxl.job.core.openapi.model.TriggerRequest;
import com.xxl.tool.http.HttpTool;
import java.util.List;

/** The reference clients as they are since 3.3: proxies of the interfaces. */
final class Clients {
    private static final Gson GSON = new Gson();
    private static final int TIMEOUT_MS = 3000;
    private final ExecutorBiz executor;
    private final AdminBiz admin;

    Clients(String url, String token) {
        executor = proxy(url, token, ExecutorBiz.class);
        admin = proxy(url.replaceAll("/$", "") + "/api", token, AdminBiz.class);
    }

    private static <T> T proxy(String url, String token, Class<T> type) {
        return HttpTool.createClient()
                .url(url)
                .timeout(TIMEOUT_MS)
                .header(Const.XXL_JOB_ACCESS_TOKEN, token)
                .proxy(type);
    }

    Object call(String op, JsonElement args) {
        return switch (op) {
            case "beat" -> executor.beat();
            case "idleBeat" -> executor.idleBeat(GSON.fromJson(args, IdleBeatRequest.class));
            case "run" -> executor.run(GSON.fromJson(args, TriggerRequest.class));
            case "kill" -> executor.kill(GSON.fromJson(args, KillRequest.class));
            case "log" -> executor.log(GSON.fromJson(args, LogRequest.class));
            case "registry" -> admin.registry(GSON.fromJson(args, RegistryRequest.class));
            case "registryRemove" ->
                    admin.registryRemove(GSON.fromJson(args, RegistryRequest.class));
            case "callback" -> admin.callback(GSON.fromJson(args, callbacks()));
            default -> throw new IllegalArgumentException(op);
        };
    }

    private static TypeToken<List<CallbackRequest>> callbacks() {
        return new TypeToken<>() {};
    }
}
