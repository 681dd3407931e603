namespace Porthole.NetworkTests.Transfer;

/// <summary>What people send through real NATs arrives, whatever breaks meanwhile.</summary>
public sealed class KernelTransferTests
{
    private const long Gigabyte = 1_000_000_000;

    /// <summary>What may be sent again for each interruption, as a part of the whole: 2 %.</summary>
    private const double Resent = 0.02;

    [RootFact]
    public async Task A_gigabyte_arrives_through_two_kills_a_cut_path_and_the_death_of_the_server()
    {
        using var lab = await TransferLab.StartAsync();
        string source = Path.Combine(lab.Folder, "gigabyte.bin");
        TransferFiles.WriteBig(source, Gigabyte);
        var bob = await lab.ReceiveAsync();
        var alice = lab.Send(source);

        await TransferLab.WaitForPercentAsync(alice, 30);
        alice.Kill();
        alice = lab.Send(source);
        var resumed = await TransferLab.WaitAsync(alice, "resumed");
        Assert.InRange((long)resumed["bytes"]!, (long)(Gigabyte * (0.3 - Resent)), Gigabyte);

        await TransferLab.WaitForPercentAsync(alice, 45);
        lab.Cut();
        await TransferLab.WaitAsync(alice, "interrupted");
        lab.Heal();
        resumed = await TransferLab.WaitAsync(alice, "resumed");
        Assert.InRange((long)resumed["bytes"]!, (long)(Gigabyte * (0.45 - Resent)), Gigabyte);

        await TransferLab.WaitForPercentAsync(alice, 60);
        bob.Kill();
        bob = await lab.ReceiveAsync("--once");
        await TransferLab.WaitAsync(alice, "interrupted");
        resumed = await TransferLab.WaitAsync(alice, "resumed");
        Assert.InRange((long)resumed["bytes"]!, (long)(Gigabyte * (0.6 - Resent)), (long)(Gigabyte * 0.98)); // else nothing was left for what comes now

        await TransferLab.WaitForPercentAsync(alice, 61);
        lab.KillServer();

        var sent = await TransferLab.WaitAsync(alice, "sent");
        var received = await TransferLab.WaitAsync(bob, "received");
        Assert.Equal((0, 0), (await TransferLab.EndAsync(alice), await TransferLab.EndAsync(bob)));
        TestContext.Current.SendDiagnosticMessage($"{sent["resent"]} bytes sent again");
        Assert.InRange((long)sent["resent"]!, 0, (long)(3 * Resent * Gigabyte)); // three connections broke
        Assert.Equal((Gigabyte, Gigabyte), ((long)sent["bytes"]!, (long)received["bytes"]!));
        string target = Path.Combine(lab.Target, "gigabyte.bin");
        Assert.Equal(target, (string)received["path"]!);
        Assert.Equal(TransferFiles.Sha256(source), TransferFiles.Sha256(target));
        Assert.Equal(TransferFiles.Sha256(target), (string)received["sha256"]!);
        Assert.Equal([target], Directory.GetFileSystemEntries(lab.Target)); // nothing is left of the partial file and its journal
    }

    [RootFact]
    public async Task A_folder_of_ten_thousand_small_files_arrives_with_names_times_and_modes()
    {
        using var lab = await TransferLab.StartAsync();
        string source = Path.Combine(lab.Folder, "album");
        TransferFiles.WriteTree(source, 10_000);
        var bob = await lab.ReceiveAsync("--once");
        var alice = lab.Send(source);
        Assert.Equal(10_000, (int)(await TransferLab.WaitAsync(alice, "offer"))["files"]!);
        var sent = await TransferLab.WaitAsync(alice, "sent");
        Assert.Equal((10_000, 0, 0), ((int)sent["files"]!, (int)sent["resent"]!, (int)sent["skipped"]!));
        Assert.Equal((0, 0), (await TransferLab.EndAsync(alice), await TransferLab.EndAsync(bob)));
        string target = Path.Combine(lab.Target, "album");
        Assert.Equal(TransferFiles.Describe(source), TransferFiles.Describe(target));
        Assert.Equal([target], Directory.GetFileSystemEntries(lab.Target));
    }
}
